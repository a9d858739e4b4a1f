-- What participants liked is asked for first, and the order would tell who takes part: the file is in the private lake.
{{ config(
    materialized='table',
    tags=['history'],
    post_hook="{{ write_lake_file(
        this, '', 'backfill/publish=' ~ run_parameter('publish_id'), 'backfill.parquet', 'priority, did, uri',
        lake='FEEDTRIAL_PRIVATE_LAKE'
    ) }}",
) }}

with participants as (

    select did
    from {{ ref('stg_study__participants') }}
    where status <> 'withdrawn'

),

referred as (

    select
        subject_uri as uri,
        'like' as referred_by,
        did
    from {{ ref('stg_bluesky__likes') }}
    where deleted_us is null

    union all

    select
        subject_uri as uri,
        'repost' as referred_by,
        did
    from {{ ref('stg_bluesky__reposts') }}
    where deleted_us is null

    union all

    select
        reply_parent_uri as uri,
        'reply' as referred_by,
        did
    from {{ ref('stg_bluesky__posts') }}
    where
        not is_deleted
        and reply_parent_uri is not null

    union all

    select
        reply_root_uri as uri,
        'reply' as referred_by,
        did
    from {{ ref('stg_bluesky__posts') }}
    where
        not is_deleted
        and reply_root_uri is not null

    union all

    select
        quoted_uri as uri,
        'quote' as referred_by,
        did
    from {{ ref('stg_bluesky__posts') }}
    where
        not is_deleted
        and quoted_uri is not null

),

-- Most is said of what was posted lately, and is held: that is left out before anything is counted.
held_lately as (

    select uri
    from {{ ref('stg_bluesky__posts') }}
    where {{ within_lookback('event_us') }}

),

referred_posts as (

    select
        referred.uri,
        split_part(referred.uri, '/', 3) as did,
        count(*) as referrals,
        count(*) filter (where referred.referred_by = 'like') as likes,
        count(participants.did) as referrals_by_participants
    from referred
    left join held_lately on referred.uri = held_lately.uri
    left join participants on referred.did = participants.did
    where held_lately.uri is null
    group by referred.uri

),

settled_posts as (

    select uri
    from {{ ref('stg_backfill__questions') }}
    where
        kind = 'record'
        and (outcome <> 'failed' or failed_attempts >= {{ backfill_parameter('max_attempts') }})

),

-- Of an account that is gone, or whose repository was fetched whole, nothing more is to be had.
settled_authors as (

    select did
    from {{ ref('stg_backfill__questions') }}
    where kind = 'repository' and outcome in ('absent', 'done', 'unchanged')

    union

    select did
    from {{ ref('stg_bluesky__accounts') }}
    where not is_active

),

-- A post that was deleted is held as such, and nothing is to be fetched.
missing_posts as (

    select referred_posts.*
    from referred_posts
    left join {{ ref('stg_bluesky__posts') }} as held_posts on referred_posts.uri = held_posts.uri
    left join settled_posts on referred_posts.uri = settled_posts.uri
    left join settled_authors on referred_posts.did = settled_authors.did
    where
        held_posts.uri is null
        and settled_posts.uri is null
        and settled_authors.did is null
        -- Generators and lists are liked as well. That is asked once for each of the few that are missing:
        -- a condition on what was counted can't be asked before, for every like.
        and case
            when referred_posts.referrals > 0 then referred_posts.uri like 'at://did:%/app.bsky.feed.post/_%'
        end

),

final as (

    select
        ---------- ids
        uri,
        did,
        'app.bsky.feed.post' as collection,
        {{ rkey_of('uri') }} as rkey,

        ---------- how
        case
            when count(*) over (partition by did) >= {{ backfill_parameter('repository_from_posts') }} then 'repository'
            else 'record'
        end as fetched_by,
        cast(case when referrals_by_participants > 0 then 1 else 2 end as integer) as priority,

        ---------- numerics
        referrals,
        likes
    from missing_posts

)

select * from final
