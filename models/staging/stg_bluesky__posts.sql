{{ config(materialized='table') }}

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

with operations as (

    select
        did,
        rkey,
        cid,
        rev,
        operation,
        event_us,
        is_live,
        verified,
        file_name,
        file_row,
        {{ fold_key() }} as fold_key
    from {{ ref('base_bluesky__records') }}
    where
        collection_group = 'app.bsky.feed.post'
        and collection = 'app.bsky.feed.post'

),

-- Narrow keys first: which row of which file holds for each post. The records themselves are read for those alone.
latest_operations as (

    select
        did,
        rkey,
        {{ at_latest('operation', 'fold_key') }} as latest_operation,
        {{ at_latest('event_us', 'fold_key') }} as latest_event_us,
        {{ at_latest('cid', 'fold_key') }} filter (where operation <> 'delete') as cid,
        {{ at_latest('rev', 'fold_key') }} as rev,
        {{ at_latest('file_name', 'fold_key') }} as file_name,
        {{ at_latest('file_row', 'fold_key') }} as file_row,
        {{ first_witnessed_us() }} as event_us,
        count(*) filter (where operation = 'update') > 0 as is_edited,
        bool_or(is_live) as is_live,
        bool_or(verified) as is_verified
    from operations
    group by did, rkey
    having count(*) filter (where operation <> 'delete') > 0

),

post_records as (

    select
        file_name,
        file_row,
        {{ json_texts('record', fields.values() | list) }} as record_fields
    from {{ ref('base_bluesky__records') }}
    where
        collection_group = 'app.bsky.feed.post'
        and collection = 'app.bsky.feed.post'
        and operation <> 'delete'

),

posts_with_fields as (

    select
        {%- for field in fields %}
        post_records.record_fields[{{ loop.index }}] as {{ field }},
        {%- endfor %}
        latest_operations.*
    from latest_operations
    left join post_records
        on
            latest_operations.file_name = post_records.file_name
            and latest_operations.file_row = post_records.file_row

),

posts as (

    select
        ---------- ids
        'at://' || did || '/app.bsky.feed.post/' || rkey as uri,
        cid,
        did,
        rkey,
        rev,

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
        latest_operation = 'delete' as is_deleted,
        is_live,
        is_verified,

        ---------- times, microseconds UTC except created_at, which is the author's word as it was written
        created_at,
        event_us,
        case when latest_operation = 'delete' then latest_event_us end as deleted_us
    from posts_with_fields

)

select * from posts
