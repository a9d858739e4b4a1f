with feeds as (

    select
        participant_id,
        position,
        uri,
        split_part(uri, '/', 3) as author_did
    from {{ ref('fct_feeds') }}

),

posts_in_feeds as (

    select distinct
        uri,
        author_did
    from feeds

),

authors_in_feeds as (

    select distinct author_did
    from posts_in_feeds

),

-- Nothing here reads int_posts__rankable: what the feeds are made from can't say what they must not hold. An inner join
-- asks the filters about these posts alone, a left join about all.
eligible_in_feeds as (

    select posts_in_feeds.uri
    from posts_in_feeds
    inner join {{ ref('int_posts__eligible') }} as eligible_posts on posts_in_feeds.uri = eligible_posts.uri

),

not_eligible as (

    select
        posts_in_feeds.uri,
        'not_eligible' as reason
    from posts_in_feeds
    left join eligible_in_feeds on posts_in_feeds.uri = eligible_in_feeds.uri
    where eligible_in_feeds.uri is null

),

deleted as (

    select
        posts_in_feeds.uri,
        'deleted' as reason
    from posts_in_feeds
    inner join {{ ref('stg_bluesky__posts') }} as posts on posts_in_feeds.uri = posts.uri
    where posts.is_deleted

),

hidden_record as (

    select
        posts_in_feeds.uri,
        'hidden_record' as reason
    from posts_in_feeds
    inner join {{ ref('stg_serving__tombstones') }} as tombstones on posts_in_feeds.uri = tombstones.uri
    where tombstones.kind = 'record'
    group by posts_in_feeds.uri
    having {{ at_latest('tombstones.is_hidden', 'row(tombstones.event_us, tombstones.is_hidden)') }}

),

hidden_authors as (

    select tombstones.did
    from {{ ref('stg_serving__tombstones') }} as tombstones
    inner join authors_in_feeds on tombstones.did = authors_in_feeds.author_did
    where tombstones.kind = 'account'
    group by tombstones.did
    having {{ at_latest('tombstones.is_hidden', 'row(tombstones.event_us, tombstones.is_hidden)') }}

),

hidden_account as (

    select
        posts_in_feeds.uri,
        'hidden_account' as reason
    from posts_in_feeds
    inner join hidden_authors on posts_in_feeds.author_did = hidden_authors.did

),

excluded_author as (

    select distinct
        posts_in_feeds.uri,
        'excluded_author' as reason
    from posts_in_feeds
    inner join {{ ref('int_authors__excluded') }} as excluded_authors
        on posts_in_feeds.author_did = excluded_authors.did

),

all_reasons as (

    select * from not_eligible
    union all
    select * from deleted
    union all
    select * from hidden_record
    union all
    select * from hidden_account
    union all
    select * from excluded_author

),

final as (

    select
        feeds.participant_id,
        feeds.position,
        feeds.uri,
        all_reasons.reason
    from feeds
    inner join all_reasons on feeds.uri = all_reasons.uri

)

select * from final
