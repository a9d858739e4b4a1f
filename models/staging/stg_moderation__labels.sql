with source as (

    select
        *,
        row(cts_us, coalesce(seq, 0), segment) as fold_key
    from {{ source('raw', 'moderation_labels') }}
    where {{ known_then('ingested_at') }}

),

-- A label stands until the same labeler takes the same label of the same version back.
latest_labels as (

    select
        src,
        uri,
        cid,
        val,
        {{ at_latest('neg', 'fold_key') }} as is_negated,
        {{ at_latest('exp_us', 'fold_key') }} as expires_us,
        max(cts_us) as labelled_us
    from source
    group by src, uri, cid, val

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
