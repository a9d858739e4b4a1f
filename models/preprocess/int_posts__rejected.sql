{{ config(materialized='view', tags=['history']) }}

select
    ---------- ids
    uri,
    cid,
    did,

    ---------- verdict
    first_reason,
    reasons,

    ---------- times, microseconds UTC
    event_us
from {{ ref('int_posts__filtered') }}
where not is_eligible
