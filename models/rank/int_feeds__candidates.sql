with participants as (

    select * from {{ ref('int_participants__policies') }}

),

ranked_posts as (

    select
        policy,
        policy_version,
        uri,
        author_did,
        policy_place,
        candidate_source
    from {{ ref('int_posts__ranked') }}

),

follows as (

    select
        participant_id,
        author_did
    from {{ ref('int_participants__follows') }}

),

last_feeds as (

    select
        participant_id,
        uri
    from {{ ref('int_participants__last_feed') }}

),

last_feed_sizes as (

    select
        participant_id,
        count(*) as posts
    from last_feeds
    group by participant_id

),

-- Nothing beyond these places can enter the feed: the cut, what the shuffle can reach past it, and as many more as
-- the cap on posts served before can take out.
participants_with_reach as (

    select
        participants.*,
        participants.feed_length_posts
        + participants.shuffle_block_positions - 1
        + greatest(coalesce(last_feed_sizes.posts, 0) - participants.served_before_cap_posts, 0) as reach_places
    from participants
    left join last_feed_sizes on participants.participant_id = last_feed_sizes.participant_id

),

best_posts as (

    select
        participants_with_reach.participant_id,
        ranked_posts.uri,
        ranked_posts.policy_place,
        ranked_posts.candidate_source,
        follows.author_did is not null as is_in_network
    from participants_with_reach
    inner join ranked_posts
        on
            participants_with_reach.policy = ranked_posts.policy
            and participants_with_reach.policy_version = ranked_posts.policy_version
            and participants_with_reach.reach_places >= ranked_posts.policy_place
    left join follows
        on
            participants_with_reach.participant_id = follows.participant_id
            and ranked_posts.author_did = follows.author_did

),

followed_posts as (

    select
        participants_with_reach.participant_id,
        participants_with_reach.in_network_positions,
        ranked_posts.uri,
        ranked_posts.policy_place,
        row_number() over (
            partition by participants_with_reach.participant_id
            order by ranked_posts.policy_place
        ) as in_network_place
    from participants_with_reach
    inner join follows on participants_with_reach.participant_id = follows.participant_id
    inner join ranked_posts
        on
            follows.author_did = ranked_posts.author_did
            and participants_with_reach.policy = ranked_posts.policy
            and participants_with_reach.policy_version = ranked_posts.policy_version

),

candidates as (

    select
        participant_id,
        uri,
        policy_place,
        candidate_source,
        is_in_network
    from best_posts
    union all
    select
        participant_id,
        uri,
        policy_place,
        'in_network' as candidate_source,
        true as is_in_network
    from followed_posts
    where in_network_place <= in_network_positions

),

distinct_candidates as (

    select
        participant_id,
        uri,
        policy_place,
        case when bool_or(is_in_network) then 'in_network' else min(candidate_source) end as candidate_source,
        bool_or(is_in_network) as is_in_network
    from candidates
    group by participant_id, uri, policy_place

),

final as (

    select
        distinct_candidates.*,
        last_feeds.uri is not null as served_before
    from distinct_candidates
    left join last_feeds
        on
            distinct_candidates.participant_id = last_feeds.participant_id
            and distinct_candidates.uri = last_feeds.uri

)

select * from final
