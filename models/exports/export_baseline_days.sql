select
    cast(event_day as varchar) as event_day,
    cast(count(*) as bigint) as posts,
    round(count(*) filter (where is_superposter) / cast(count(*) as double), 9) as superposter_share,
    {{ label_summaries() }}
from {{ ref('int_posts__baseline') }}
group by event_day
