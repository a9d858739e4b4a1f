{# One reader counts it once, in int_posts__measured: a table of its own would be written and read for nothing. #}
{{ config(materialized='view') }}

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

like_coverage as (

    select covered_from_us from {{ ref('int_capture__like_coverage') }}

),

likes as (

    select
        likes.subject_uri as uri,
        count(distinct likes.did) as likes
    from {{ ref('stg_bluesky__likes') }} as likes
    inner join posts on likes.subject_uri = posts.uri
    left join inactive_accounts on likes.did = inactive_accounts.did
    where
        {{ within_lookback('likes.event_us') }}
        and {{ stood_then('likes') }}
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
        {{ within_lookback('reposts.event_us') }}
        and {{ stood_then('reposts') }}
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
        {{ within_lookback('replies.event_us') }}
        and {{ stood_then('replies') }}
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
