-- depends_on: {{ ref('base_labels__values') }}, {{ ref('label_precedence') }}, {{ ref('labelers') }}
-- Numbers alone, made anew every hour: words, and who gave a label, are put beside them by int_posts__unified, for
-- those who read them.
with labels as (

    {{ labels_known_then() }}

),

embedded as (

    select
        embeddings.uri,
        embeddings.cid
    from {{ ref('base_labels__embedded') }} as embeddings
    inner join {{ ref('labelers') }} as labelers
        on
            embeddings.labeler = labelers.labeler
            and embeddings.version = labelers.version
    -- One row a version of a post: of one labeler, at one version. An embedding is younger than the post that it is of.
    where
        embeddings.labeler = 'embeddings'
        and {{ known_then('embeddings.labelled_at') }}
        and {{ within_lookback('embeddings.labelled_at') }}

)

select
    ---------- ids
    posts.uri,
    posts.cid,
    posts.did as author_did,

    ---------- engagement
    engagement.likes,
    engagement.reposts,
    engagement.replies,

    ---------- labels
    {%- for label in unified_labels() %}
    labels.{{ label }},
    {%- endfor %}

    ---------- booleans
    coalesce(superposters.is_superposter, false) as is_superposter,
    embedded.uri is not null as has_embedding,

    ---------- times, microseconds UTC
    posts.event_us
from {{ ref('int_posts__eligible') }} as posts
left join {{ ref('int_posts__engagement') }} as engagement on posts.uri = engagement.uri
left join labels on posts.uri = labels.uri and posts.cid = labels.cid and posts.rkey = labels.rkey
left join {{ ref('int_authors__superposters') }} as superposters on posts.did = superposters.did
left join embedded on posts.uri = embedded.uri and posts.cid = embedded.cid
