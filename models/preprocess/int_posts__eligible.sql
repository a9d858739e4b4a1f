{{ config(materialized='view') }}

select
    ---------- ids
    uri,
    cid,
    did,
    rkey,

    ---------- language of its text
    language,

    ---------- booleans
    is_reply,

    ---------- times, microseconds UTC
    event_us
from {{ ref('int_posts__recent') }}
where is_eligible
