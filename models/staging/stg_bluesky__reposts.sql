{{ config(materialized='table') }}

with folded as (

    {{ fold_records('app.bsky.feed.repost', {'subject_uri': '$.subject.uri', 'subject_cid': '$.subject.cid'}) }}

)

select
    ---------- ids
    uri,
    did,
    subject_uri,
    subject_cid,

    ---------- booleans
    deleted_us is not null as is_deleted,
    is_live,
    is_verified,

    ---------- times, microseconds UTC
    event_us,
    deleted_us
from folded
