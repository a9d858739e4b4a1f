{{ config(materialized='view') }}

with posts as (

    select
        uri,
        cid,
        did,
        {{ utc_day('event_us') }} as event_day
    from {{ ref('int_posts__filtered') }}
    where passes_all_but_age

)

select
    ---------- ids
    posts.uri,
    posts.event_day,

    ---------- labels, as outcomes are measured
    {%- for label in unified_labels() %}
    outcomes.{{ label }},
    outcomes.{{ label }}_labeler,
    {%- endfor %}

    ---------- booleans
    coalesce(superposters.is_superposter, false) as is_superposter
from posts
left join {{ ref('int_posts__outcome_labels') }} as outcomes
    on
        posts.uri = outcomes.uri
        and posts.cid = outcomes.cid
left join {{ ref('int_authors__superposter_days') }} as superposters
    on
        posts.did = superposters.did
        and posts.event_day = superposters.event_day
