with records as (

    select * from {{ ref('base_bluesky__likes') }}
    -- of a record that only a deletion is known of there is nothing to say
    where known_us is not null

)

select
    ---------- ids
    'at://' || did || '/app.bsky.feed.like/' || rkey as uri,
    did,
    subject_uri,
    subject_cid,

    ---------- booleans
    deleted_us is not null as is_deleted,
    is_live,
    is_verified,

    ---------- times, microseconds UTC
    event_us,
    deleted_us,
    live_ingested_at,
    known_us,
    deletion_known_us
from records
