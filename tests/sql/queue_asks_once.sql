-- One row twice in the queue would be asked, and paid, twice.
select
    labeler,
    uri,
    count(*) as asked
from {{ ref('labels_queue') }}
group by labeler, uri
having count(*) > 1
