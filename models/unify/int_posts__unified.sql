-- depends_on: {{ ref('base_labels__values') }}, {{ ref('label_precedence') }}
{% set knows_all = (run_parameter('known_at_us') | int) == 0 %}

{# What was answered later may be preferred now and wasn't there then: as if then, labels are chosen anew. #}
{% set chosen = 'select * from ' ~ ref('int_posts__labels') %}
{% if not knows_all %}{% set chosen = wide_labels(known_then('label_values.labelled_at')) %}{% endif %}
with labels as (

    {{ chosen }}

),

embedded as (

    select distinct
        embeddings.uri,
        embeddings.cid
    from {{ ref('base_labels__embedded') }} as embeddings
    inner join {{ ref('labelers') }} as labelers
        on
            embeddings.labeler = labelers.labeler
            and embeddings.version = labelers.version
    -- an embedding is younger than the post that it is of
    where
        {{ known_then('embeddings.labelled_at') }}
        and {{ within_lookback('embeddings.labelled_at') }}

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
left join labels on posts.uri = labels.uri and posts.cid = labels.cid and posts.rkey = labels.rkey
left join {{ ref('int_authors__superposters') }} as superposters on posts.did = superposters.did
left join embedded on posts.uri = embedded.uri and posts.cid = embedded.cid
