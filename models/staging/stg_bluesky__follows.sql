{{ config(materialized='table') }}

with folded as (

    {{ fold_records('app.bsky.graph.follow', {'subject_did': '$.subject'}) }}

)

select
    ---------- ids
    uri,
    did,
    subject_did,

    ---------- booleans
    deleted_us is not null as is_deleted,
    is_live,
    is_verified,

    ---------- times, microseconds UTC
    event_us,
    deleted_us
from folded
