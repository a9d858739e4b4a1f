with source as (

    select
        *,
        row(cts_us, coalesce(seq, 0), segment) as fold_key
    from {{ source('raw', 'moderation_labels') }}
    where {{ known_then('ingested_at') }}

),

-- One state per labeler, subject and value, as the specification says: the newest statement, of whatever version it is.
latest_labels as (

    select
        src,
        uri,
        {{ at_latest('cid', 'fold_key') }} as cid,
        val,
        {{ at_latest('neg', 'fold_key') }} as is_negated,
        {{ at_latest('exp_us', 'fold_key') }} as expires_us,
        max(cts_us) as labelled_us
    from source
    group by src, uri, val

)

select
    ---------- ids
    src as moderator_did,
    uri,
    cid,

    ---------- text
    val,

    ---------- times, microseconds UTC
    labelled_us,
    expires_us
from latest_labels
where not is_negated
