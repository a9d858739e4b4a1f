-- Two sources with the same priority would leave the value of a label to chance.
select
    profile,
    label,
    priority,
    count(*) as sources
from {{ ref('label_precedence') }}
group by profile, label, priority
having count(*) > 1
