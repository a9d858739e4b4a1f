-- Rows are positions whose post did not pass the filters, or was deleted or hidden when the feed was ranked, and why.
select
    participant_id,
    position,
    uri,
    reason
from {{ ref('int_feeds__unshowable') }}
