{{ config(
    materialized='folded',
    increment_of='stg_bluesky__posts',
    unique_key=['uri'],
    pruned_by='rkey',
    seeds=['spam_terms', 'excluded_labels'],
    pre_hook="{{ tell_terms(ref('spam_terms')) }}",
    post_hook='{{ forget_terms() }}',
) }}

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
            case
                when strpos(standardised, '#') > 0 then length(standardised) - length(replace(standardised, '#', ''))
                else 0
            end
        ) as hashtags,
        {{ list_length('mention_facets') }} as mentions
    from posts

),

posts_with_words as (

    select
        *,
        lower(own_text) as own_words
    from posts_with_counts

),

spam_terms as (

    select {{ list_of_terms() }} as terms
    from {{ ref('spam_terms') }}

),

-- Self-labels are few: taken apart only where there are some.
self_labels as (

    select
        posts.uri,
        labels.self_label
    from {{ ref('stg_bluesky__posts') }} as posts
    cross join unnest(posts.self_labels) as labels (self_label)

),

nsfw_self_labelled as (

    select distinct self_labels.uri
    from self_labels
    inner join {{ ref('excluded_labels') }} as excluded_labels
        on self_labels.self_label = excluded_labels.label
    where excluded_labels.applies_to_self_labels

)

select
    ---------- ids
    posts.uri,
    posts.cid,
    posts.did,
    posts.rkey,

    ---------- text
    posts.standardised as text,
    case when length(posts.own_words) > 0 then {{ md5_hex('posts.own_words') }} end as words_md5,

    ---------- what it points to
    posts.reply_root_uri,
    posts.reply_parent_uri,
    posts.quoted_uri,

    ---------- numerics
    coalesce(length(posts.standardised), 0) as characters,
    coalesce(length(posts.own_text), 0) as own_characters,
    coalesce(posts.links, 0) as links,
    coalesce(posts.hashtags, 0) as hashtags,
    posts.mentions,
    cast({{ weight_of_terms('posts.own_words', 'spam_terms.terms') }} as double) as weight_of_spam_terms,

    ---------- booleans
    nsfw_self_labelled.uri is not null as is_nsfw_by_self_label,
    posts.is_reply,
    posts.is_quote,
    posts.is_deleted,
    posts.is_live,

    ---------- times, microseconds UTC
    posts.event_us,
    posts.deleted_us,
    posts.known_us
from posts_with_words as posts
cross join spam_terms
left join nsfw_self_labelled on posts.uri = nsfw_self_labelled.uri
