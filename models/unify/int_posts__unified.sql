with embedded as (

    select distinct
        embeddings.uri,
        embeddings.cid
    from {{ ref('base_labels__embedded') }} as embeddings
    inner join {{ ref('labelers') }} as labelers
        on
            embeddings.labeler = labelers.labeler
            and embeddings.version = labelers.version

)

select
    ---------- ids
    posts.uri,
    posts.cid,
    posts.did as author_did,

    ---------- text
    posts.text,
    posts.language,

    ---------- engagement
    engagement.likes,
    engagement.reposts,
    engagement.replies,

    ---------- labels
    {%- for label in unified_labels() %}
    labels.{{ label }},
    labels.{{ label }}_labeler,
    labels.{{ label }}_version,
    labels.{{ label }}_labelled_at,
    {%- endfor %}

    ---------- booleans
    posts.is_reply,
    coalesce(superposters.is_superposter, false) as is_superposter,
    embedded.uri is not null as has_embedding,

    ---------- times, microseconds UTC
    posts.event_us
from {{ ref('int_posts__eligible') }} as posts
left join {{ ref('int_posts__engagement') }} as engagement on posts.uri = engagement.uri
left join {{ ref('int_posts__labels') }} as labels on posts.uri = labels.uri and posts.cid = labels.cid
left join {{ ref('int_authors__superposters') }} as superposters on posts.did = superposters.did
left join embedded on posts.uri = embedded.uri and posts.cid = embedded.cid
