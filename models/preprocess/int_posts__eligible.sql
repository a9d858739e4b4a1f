{{ config(materialized='view') }}

select
    ---------- ids
    uri,
    cid,
    did,
    rkey,

    ---------- text
    text,
    language,

    ---------- what it points to
    reply_root_uri,
    reply_parent_uri,
    quoted_uri,

    ---------- booleans
    is_reply,
    is_quote,
    is_live,

    ---------- times, microseconds UTC
    event_us
from {{ ref('int_posts__recent') }}
where is_eligible
