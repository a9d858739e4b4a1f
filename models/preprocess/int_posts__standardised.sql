with posts as (

    select
        *,
        {{ standardised_text('text') }} as standardised
    from {{ ref('stg_bluesky__posts') }}

),

posts_with_counts as (

    select
        *,
        {{ without_links("standardised") }} as own_text,
        {{ list_length('link_facets') }} + case when external_link is not null then 1 else 0 end as links,
        -- A tag counts whether its author's client marked it up, put it beside the text, or left it in the words.
        greatest(
            {{ list_length('tag_facets') }} + {{ list_length('outer_tags') }},
            length(standardised) - length(replace(standardised, '#', ''))
        ) as hashtags,
        {{ list_length('mention_facets') }} as mentions
    from posts

)

select
    ---------- ids
    uri,
    cid,
    did,
    rkey,

    ---------- text
    standardised as text,
    lower(own_text) as own_words,

    ---------- what it points to
    reply_root_uri,
    reply_parent_uri,
    quoted_uri,

    ---------- numerics
    coalesce(length(standardised), 0) as characters,
    coalesce(length(own_text), 0) as own_characters,
    coalesce(links, 0) as links,
    coalesce(hashtags, 0) as hashtags,
    mentions,

    ---------- lists
    self_labels,

    ---------- booleans
    is_reply,
    is_quote,
    is_deleted,
    is_live,

    ---------- times, microseconds UTC
    event_us,
    deleted_us
from posts_with_counts
