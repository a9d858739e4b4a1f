-- depends_on: {{ ref('base_labels__values') }}, {{ ref('label_precedence') }}, {{ ref('labelers') }}
{{ config(materialized='view') }}

with labels as (

    {{ labels_known_then() }}

),

texts as (

    select
        uri,
        cid,
        text
    from {{ ref('int_posts__standardised') }}
    where {{ within_lookback('event_us') }}

)

select
    ---------- ids
    measured.uri,
    measured.cid,
    measured.author_did,

    ---------- text
    texts.text,
    posts.language,

    ---------- engagement
    measured.likes,
    measured.reposts,
    measured.replies,

    ---------- labels
    {%- for label in unified_labels() %}
    measured.{{ label }},
    labels.{{ label }}_labeler,
    labels.{{ label }}_version,
    labels.{{ label }}_labelled_at,
    {%- endfor %}

    ---------- booleans
    posts.is_reply,
    measured.is_superposter,
    measured.has_embedding,

    ---------- times, microseconds UTC
    measured.event_us
from {{ ref('int_posts__measured') }} as measured
inner join {{ ref('int_posts__eligible') }} as posts on measured.uri = posts.uri
-- between two builds a post may have been edited: then neither its new text nor its old numbers are shown
inner join texts on measured.uri = texts.uri and measured.cid is not distinct from texts.cid
left join labels
    on
        measured.uri = labels.uri
        and measured.cid = labels.cid
        and posts.rkey = labels.rkey
