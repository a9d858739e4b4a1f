-- Posts are named by their place under the policy, a whole number: millions of candidates fit where URIs wouldn't.
{{ config(materialized='in_batches') }}

with feeds as (

    select
        feed_id,
        participant_id,
        policy,
        policy_version,
        feed_length_posts,
        in_network_positions,
        served_before_cap_posts,
        shuffle_block_positions
    from {{ ref('int_feeds__variants') }}
    where sort_key not in ('personal', 'diversity', 'interleaved') and {{ in_this_batch() }}

),

personal_feeds as (

    select
        feed_id,
        participant_id,
        in_network_positions
    from {{ ref('int_feeds__variants') }}
    where sort_key in ('personal', 'diversity') and {{ in_this_batch() }}

),

ranked_posts as (

    select
        policy,
        policy_version,
        uri,
        author_did,
        policy_place
    from {{ ref('int_posts__ranked') }}

),

personal_posts as (

    select
        personal_posts.feed_id,
        personal_posts.uri,
        personal_posts.policy_place,
        personal_posts.network_place,
        personal_posts.is_in_network,
        personal_feeds.participant_id,
        personal_feeds.in_network_positions
    from {{ ref('int_feeds__personal') }} as personal_posts
    inner join personal_feeds on personal_posts.feed_id = personal_feeds.feed_id

),

readers as (

    select distinct participant_id
    from {{ ref('int_feeds__variants') }}
    where {{ in_this_batch() }}

),

follows as (

    select
        follows.participant_id,
        follows.author_did
    from {{ ref('int_feeds__follows') }} as follows
    inner join readers on follows.participant_id = readers.participant_id

),

last_feeds as (

    select
        last_feeds.participant_id,
        last_feeds.uri
    from {{ ref('int_participants__last_feed') }} as last_feeds
    inner join readers on last_feeds.participant_id = readers.participant_id

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
feeds_with_reach as (

    select
        feeds.*,
        feeds.feed_length_posts
        + feeds.shuffle_block_positions - 1
        + greatest(coalesce(last_feed_sizes.posts, 0) - feeds.served_before_cap_posts, 0) as reach_places
    from feeds
    left join last_feed_sizes on feeds.participant_id = last_feed_sizes.participant_id

),

best_posts as (

    select
        feeds_with_reach.feed_id,
        ranked_posts.policy_place,
        false as is_head,
        follows.author_did is not null as is_in_network
    from feeds_with_reach
    inner join ranked_posts
        on
            feeds_with_reach.policy = ranked_posts.policy
            and feeds_with_reach.policy_version = ranked_posts.policy_version
            and feeds_with_reach.reach_places >= ranked_posts.policy_place
    left join follows
        on
            feeds_with_reach.participant_id = follows.participant_id
            and ranked_posts.author_did = follows.author_did

),

-- The first positions' posts: of all that followed accounts wrote, the best few, without sorting the rest.
head_places as (

    {{ best_of_followed('in_network_positions') }}

),

head_posts as (

    select
        head_places.feed_id,
        places.policy_place,
        true as is_head,
        true as is_in_network
    from head_places
    cross join unnest(head_places.places) as places (policy_place)

),

shared_candidates as (

    select
        feed_id,
        policy_place,
        bool_or(is_head) as is_head,
        bool_or(is_in_network) as is_in_network
    from (
        select * from best_posts
        union all
        select * from head_posts
    ) as found_posts
    group by feed_id, policy_place

),

served_places as (

    select
        feeds.feed_id,
        ranked_posts.policy_place
    from last_feeds
    inner join feeds on last_feeds.participant_id = feeds.participant_id
    inner join ranked_posts
        on
            last_feeds.uri = ranked_posts.uri
            and feeds.policy = ranked_posts.policy
            and feeds.policy_version = ranked_posts.policy_version

),

final as (

    select
        shared_candidates.feed_id,
        shared_candidates.policy_place,
        shared_candidates.is_head,
        shared_candidates.is_in_network,
        served_places.policy_place is not null as served_before
    from shared_candidates
    left join served_places
        on
            shared_candidates.feed_id = served_places.feed_id
            and shared_candidates.policy_place = served_places.policy_place
    union all
    select
        personal_posts.feed_id,
        personal_posts.policy_place,
        personal_posts.is_in_network
        and personal_posts.network_place <= personal_posts.in_network_positions as is_head,
        personal_posts.is_in_network,
        last_feeds.uri is not null as served_before
    from personal_posts
    left join last_feeds
        on
            personal_posts.participant_id = last_feeds.participant_id
            and personal_posts.uri = last_feeds.uri

)

select * from final
