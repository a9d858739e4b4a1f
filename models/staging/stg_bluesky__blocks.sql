{{ config(tags=['history']) }}

with records as (

    select * from {{ ref('base_bluesky__blocks') }}
    -- of a record that only a deletion is known of there is nothing to say
    where known_us is not null

)

select
    ---------- ids
    'at://' || did || '/app.bsky.graph.block/' || rkey as uri,
    did,
    subject_did,

    ---------- booleans
    deleted_us is not null as is_deleted,
    is_live,
    is_verified,

    ---------- times, microseconds UTC
    event_us,
    deleted_us,
    known_us,
    deletion_known_us
from records
