-- Judged once, for all that a cycle asks of posts within its lookback; int_posts__filtered judges all of history anew
-- whenever it is read.
select
    ---------- ids
    uri,
    cid,
    did,
    rkey,

    ---------- language of its text
    language,

    ---------- booleans
    is_eligible,
    is_reply,

    ---------- times, microseconds UTC
    event_us
from {{ ref('int_posts__filtered') }}
where
    passes_all_but_language
    and {{ within_lookback('event_us') }}
