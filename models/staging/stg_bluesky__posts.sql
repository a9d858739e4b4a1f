{{ config(materialized='table') }}

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
        max_by(operation, fold_key) as latest_operation,
        max_by(event_us, fold_key) as latest_event_us,
        max_by(cid, fold_key) filter (where operation <> 'delete') as cid,
        max_by(rev, fold_key) as rev,
        max_by(file_name, fold_key) as file_name,
        max_by(file_row, fold_key) as file_row,
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
        {{ json_texts('record', [
            '$.text',
            '$.createdAt',
            '$.langs',
            '$.reply.root.uri',
            '$.reply.parent.uri',
            '$.embed."$type"',
            '$.embed.record.uri',
            '$.embed.record.record.uri',
            '$.embed.external.uri',
            '$.embed.media.external.uri',
            '$.facets',
            '$.tags',
            '$.labels.values',
        ]) }} as record_fields
    from {{ ref('base_bluesky__records') }}
    where
        collection_group = 'app.bsky.feed.post'
        and collection = 'app.bsky.feed.post'
        and operation <> 'delete'

),

posts_with_fields as (

    select
        latest_operations.*,
        post_records.record_fields
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
        record_fields[1] as text,
        record_fields[6] as embed_type,

        ---------- what it points to
        record_fields[4] as reply_root_uri,
        record_fields[5] as reply_parent_uri,
        case
            when record_fields[6] = 'app.bsky.embed.record' then record_fields[7]
            when record_fields[6] = 'app.bsky.embed.recordWithMedia' then record_fields[8]
        end as quoted_uri,
        coalesce(record_fields[9], record_fields[10]) as external_link,

        ---------- lists
        {{ json_list('record_fields[3]', '$[*]') }} as langs,
        {{ json_list('record_fields[11]', '$[*].features[*].uri') }} as link_facets,
        {{ json_list('record_fields[11]', '$[*].features[*].tag') }} as tag_facets,
        {{ json_list('record_fields[11]', '$[*].features[*].did') }} as mention_facets,
        {{ json_list('record_fields[12]', '$[*]') }} as outer_tags,
        {{ json_list('record_fields[13]', '$[*].val') }} as self_labels,

        ---------- booleans
        record_fields[5] is not null as is_reply,
        coalesce(record_fields[6] in ('app.bsky.embed.record', 'app.bsky.embed.recordWithMedia'), false) as is_quote,
        is_edited,
        latest_operation = 'delete' as is_deleted,
        is_live,
        is_verified,

        ---------- times, microseconds UTC except created_at, which is the author's word as it was written
        record_fields[2] as created_at,
        event_us,
        case when latest_operation = 'delete' then latest_event_us end as deleted_us
    from posts_with_fields

)

select * from posts
