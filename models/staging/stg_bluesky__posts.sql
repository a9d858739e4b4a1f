{{ config(
    materialized='folded',
    increment_of='base_bluesky__posts',
    unique_key=['uri'],
    pruned_by='rkey',
    key_of_increment="'at://' || did || '/app.bsky.feed.post/' || rkey",
) }}

{# Column -> where it is in the record. A new field is a new line here. #}
{% set fields = {
    'post_text': '$.text',
    'created_at': '$.createdAt',
    'lang_list': '$.langs',
    'reply_root_uri': '$.reply.root.uri',
    'reply_parent_uri': '$.reply.parent.uri',
    'embed_type': '$.embed."$type"',
    'embedded_uri': '$.embed.record.uri',
    'embedded_uri_beside_media': '$.embed.record.record.uri',
    'card_link': '$.embed.external.uri',
    'card_link_beside_record': '$.embed.media.external.uri',
    'facet_list': '$.facets',
    'tag_list': '$.tags',
    'self_label_list': '$.labels.values',
} %}

with latest_posts as (

    select
        *,
        {{ json_texts('record', fields.values() | list) }} as record_fields
    from {{ ref('base_bluesky__posts') }}
    -- of a post that only a deletion is known of there is nothing to say
    where known_us is not null

),

posts_with_fields as (

    select
        {%- for field in fields %}
        record_fields[{{ loop.index }}] as {{ field }},
        {%- endfor %}
        *
    from latest_posts

),

posts as (

    select
        ---------- ids
        'at://' || did || '/app.bsky.feed.post/' || rkey as uri,
        cid,
        did,
        rkey,
        {{ rev_of('latest_key') }} as rev,

        ---------- text
        post_text as text,
        embed_type,

        ---------- what it points to
        reply_root_uri,
        reply_parent_uri,
        case
            when embed_type = 'app.bsky.embed.record' then embedded_uri
            when embed_type = 'app.bsky.embed.recordWithMedia' then embedded_uri_beside_media
        end as quoted_uri,
        coalesce(card_link, card_link_beside_record) as external_link,

        ---------- lists
        {{ json_list('lang_list', '$[*]') }} as langs,
        {{ json_list('facet_list', '$[*].features[*].uri') }} as link_facets,
        {{ json_list('facet_list', '$[*].features[*].tag') }} as tag_facets,
        {{ json_list('facet_list', '$[*].features[*].did') }} as mention_facets,
        {{ json_list('tag_list', '$[*]') }} as outer_tags,
        {{ json_list('self_label_list', '$[*].val') }} as self_labels,

        ---------- booleans
        reply_parent_uri is not null as is_reply,
        coalesce(embed_type in ('app.bsky.embed.record', 'app.bsky.embed.recordWithMedia'), false) as is_quote,
        is_edited,
        deleted_us is not null as is_deleted,
        is_live,
        is_verified,

        ---------- times, microseconds UTC except created_at, which is the author's word as it was written
        created_at,
        event_us,
        deleted_us,
        known_us,
        deletion_known_us
    from posts_with_fields

)

select * from posts
