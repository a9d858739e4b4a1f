with posts as (

    select
        uri,
        event_us
    from {{ ref('int_posts__eligible') }}

),

inactive_accounts as (

    select did from {{ ref('stg_bluesky__accounts') }}
    where not is_active

),

live_likes as (

    select
        event_us,
        ingested_at
    from {{ ref('base_bluesky__records') }}
    where
        collection_group = 'app.bsky.feed.like'
        and is_live

),

-- Whiles in which capture left likes out, by their name or by a pattern such as 'app.bsky.feed.*'; null stands for
-- whatever was left out. (Null and patterns are also said where likes were kept by name all along: then some came in.)
whiles_without_likes as (

    select gaps.to_us
    from {{ source('raw', 'gaps') }} as gaps
    left join live_likes
        on
            gaps.from_us <= live_likes.event_us
            and gaps.to_us > live_likes.ingested_at
            and (gaps.collection is null or gaps.collection <> 'app.bsky.feed.like')
    where
        gaps.kind = 'collections_changed'
        and gaps.did is null
        and coalesce(gaps.from_us, 0) <= {{ as_of_us() }}
        and (gaps.collection is null or 'app.bsky.feed.like' like replace(gaps.collection, '*', '%'))
        and live_likes.event_us is null

),

first_like as (

    select min(event_us) as event_us
    from live_likes

),

last_while as (

    select
        coalesce(max(to_us), 0) as to_us,
        coalesce(bool_or(to_us is null), false) as is_lasting
    from whiles_without_likes

),

-- From when on likes are known: from the first like that was witnessed live (before it nothing says that likes were
-- kept), and from the end of the last while without them. Null where there is no such moment.
like_coverage as (

    select
        case
            when first_like.event_us is not null and not last_while.is_lasting
                then greatest(first_like.event_us, last_while.to_us)
        end as covered_from_us
    from first_like
    cross join last_while

),

likes as (

    select
        likes.subject_uri as uri,
        count(distinct likes.did) as likes
    from {{ ref('stg_bluesky__likes') }} as likes
    inner join posts on likes.subject_uri = posts.uri
    left join inactive_accounts on likes.did = inactive_accounts.did
    where
        likes.event_us <= {{ as_of_us() }}
        and (likes.deleted_us is null or likes.deleted_us > {{ as_of_us() }})
        and inactive_accounts.did is null
    group by likes.subject_uri

),

reposts as (

    select
        reposts.subject_uri as uri,
        count(distinct reposts.did) as reposts
    from {{ ref('stg_bluesky__reposts') }} as reposts
    inner join posts on reposts.subject_uri = posts.uri
    left join inactive_accounts on reposts.did = inactive_accounts.did
    where
        reposts.event_us <= {{ as_of_us() }}
        and (reposts.deleted_us is null or reposts.deleted_us > {{ as_of_us() }})
        and inactive_accounts.did is null
    group by reposts.subject_uri

),

replies as (

    select
        replies.reply_parent_uri as uri,
        count(*) as replies
    from {{ ref('stg_bluesky__posts') }} as replies
    inner join posts on replies.reply_parent_uri = posts.uri
    left join inactive_accounts on replies.did = inactive_accounts.did
    where
        replies.event_us <= {{ as_of_us() }}
        and (replies.deleted_us is null or replies.deleted_us > {{ as_of_us() }})
        and inactive_accounts.did is null
    group by replies.reply_parent_uri

)

select
    ---------- ids
    posts.uri,

    ---------- numerics
    case when posts.event_us >= like_coverage.covered_from_us then coalesce(likes.likes, 0) end as likes,
    coalesce(reposts.reposts, 0) as reposts,
    coalesce(replies.replies, 0) as replies
from posts
cross join like_coverage
left join likes on posts.uri = likes.uri
left join reposts on posts.uri = reposts.uri
left join replies on posts.uri = replies.uri
