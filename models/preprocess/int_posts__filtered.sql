{{ config(materialized='view') }}

{#
  In the order in which the first reason is named: what is no longer there, who wrote it, what it is, what it says, and
  last its age, which comes to all.
#}
{% set language_reasons = ['not_english', 'language_unknown'] %}
{% set reasons = [
    'deleted',
    'account_inactive',
    'excludelist',
    'moderated',
    'nsfw_label',
    'empty_text',
    'link_only',
    'too_short',
    'too_many_hashtags',
    'spam',
    'duplicate_text',
] + language_reasons + ['after_as_of', 'too_old'] %}

with posts as (

    select * from {{ ref('int_posts__standardised') }}

),

parameters as (

    select
        {{ as_of_us() }} as as_of_us,
        {{ as_of_us() }} - cast({{ filter_parameter('max_age_hours') }} * 3600000000 as bigint) as oldest_us,
        {{ filter_parameter('min_characters') }} as min_characters,
        {{ filter_parameter('max_hashtags') }} as max_hashtags,
        {{ filter_parameter('max_mentions') }} as max_mentions,
        {{ filter_parameter('spam_weight') }} as spam_weight,
        {{ filter_parameter('min_english_score') }} as min_english_score

),

excluded_authors as (

    select
        did,
        bool_or(reason = 'excludelist') as is_excludelisted,
        bool_or(reason = 'account_inactive') as is_inactive,
        bool_or(reason = 'nsfw_label') as is_nsfw,
        bool_or(reason = 'moderated') as is_moderated
    from {{ ref('int_authors__excluded') }}
    group by did

),

repeated as (

    select uri from {{ ref('int_posts__repeated') }}
    where is_repeated

),

posts_with_facts as (

    select
        posts.*,
        parameters.as_of_us,
        parameters.oldest_us,
        parameters.min_characters,
        parameters.max_hashtags,
        parameters.max_mentions,
        parameters.spam_weight,
        parameters.min_english_score,
        languages.language,
        languages.language_score,
        excluded_authors.is_excludelisted,
        excluded_authors.is_inactive,
        coalesce(excluded_authors.is_nsfw, false)
        or coalesce(moderated.is_nsfw, false)
        or posts.is_nsfw_by_self_label as is_nsfw,
        coalesce(excluded_authors.is_moderated, false)
        or coalesce(moderated.is_moderated, false) as is_moderated,
        repeated.uri is not null as is_repeated,
        -- What is deleted has no text, which is no fault of its text.
        not posts.is_deleted as has_content
    from posts
    cross join parameters
    left join {{ ref('int_posts__language') }} as languages
        on posts.uri = languages.uri and posts.cid = languages.cid and posts.rkey = languages.rkey
    left join excluded_authors on posts.did = excluded_authors.did
    left join {{ ref('int_posts__moderated') }} as moderated on posts.uri = moderated.uri
    left join repeated on posts.uri = repeated.uri

),

-- One predicate a reason; the column is the reason's name.
posts_with_verdicts as (

    select
        *,
        is_deleted as deleted,
        coalesce(is_inactive, false) as account_inactive,
        coalesce(is_excludelisted, false) as excludelist,
        is_moderated as moderated,
        is_nsfw as nsfw_label,
        event_us > as_of_us or not {{ known_then('known_us') }} as after_as_of,
        event_us < oldest_us as too_old,
        has_content and characters = 0 as empty_text,
        characters > 0 and own_characters = 0 as link_only,
        own_characters between 1 and min_characters - 1 as too_short,
        hashtags > max_hashtags as too_many_hashtags,
        weight_of_spam_terms >= spam_weight or mentions > max_mentions as spam,
        is_repeated as duplicate_text,
        has_content and coalesce(language <> 'en' or language_score < min_english_score, false) as not_english,
        has_content and language is null as language_unknown
    from posts_with_facts

),

posts_with_reasons as (

    select
        *,
        {{ list_of_true(reasons) }} as reasons,
        case
            {% for reason in reasons -%}
            when {{ reason }} then '{{ reason }}'
            {% endfor %}
        end as first_reason
    from posts_with_verdicts

)

select
    ---------- ids
    uri,
    cid,
    did,
    rkey,

    ---------- text
    text,
    language,

    ---------- what it points to
    reply_root_uri,
    reply_parent_uri,
    quoted_uri,

    ---------- verdict
    first_reason,
    reasons,

    ---------- numerics
    characters,
    links,
    hashtags,

    ---------- booleans
    first_reason is null as is_eligible,
    not coalesce({{ reasons | reject('in', language_reasons) | join(' or ') }}, false) as passes_all_but_language,
    not coalesce({{ reasons | reject('eq', 'too_old') | join(' or ') }}, false) as passes_all_but_age,
    not coalesce(
        {{ reasons | reject('in', language_reasons + ['too_old']) | join(' or ') }}, false
    ) as passes_all_but_age_and_language,
    is_reply,
    is_quote,
    is_live,

    ---------- times, microseconds UTC
    event_us
from posts_with_reasons
