-- Team draft: in each round both teams pick the best of theirs that is left, and a coin says which of them picks first.
{{ config(materialized='in_batches') }}

with drafted_feeds as (

    select
        drafted.feed_id,
        drafted.participant_id,
        drafted.feed_length_posts,
        drafted.first_team_policy,
        drafted.second_team_policy,
        first_teams.feed_id as first_feed_id,
        second_teams.feed_id as second_feed_id
    from {{ ref('int_feeds__variants') }} as drafted
    inner join {{ ref('int_policies__begun') }} as first_begun on drafted.first_team_policy = first_begun.policy
    inner join {{ ref('int_policies__begun') }} as second_begun on drafted.second_team_policy = second_begun.policy
    inner join {{ ref('int_feeds__variants') }} as first_teams
        on
            drafted.participant_id = first_teams.participant_id
            and first_begun.policy = first_teams.policy
            and first_begun.version = first_teams.policy_version
    inner join {{ ref('int_feeds__variants') }} as second_teams
        on
            drafted.participant_id = second_teams.participant_id
            and second_begun.policy = second_teams.policy
            and second_begun.version = second_teams.policy_version
    where drafted.sort_key = 'interleaved' and {{ in_this_batch('drafted.batch') }}

),

team_posts as (

    select
        drafted_feeds.feed_id,
        posts.uri,
        posts.position_before_shuffle as first_place,
        cast(null as integer) as second_place
    from drafted_feeds
    inner join {{ ref('int_feeds__explained') }} as posts on drafted_feeds.first_feed_id = posts.feed_id
    where posts.position_before_shuffle <= drafted_feeds.feed_length_posts
    union all
    select
        drafted_feeds.feed_id,
        posts.uri,
        cast(null as integer) as first_place,
        posts.position_before_shuffle as second_place
    from drafted_feeds
    inner join {{ ref('int_feeds__explained') }} as posts on drafted_feeds.second_feed_id = posts.feed_id
    where posts.position_before_shuffle <= drafted_feeds.feed_length_posts

),

compared_posts as (

    select
        feed_id,
        uri,
        min(first_place) as first_place,
        min(second_place) as second_place
    from team_posts
    group by feed_id, uri

),

-- As long as both teams would show the same, nobody is credited: up to the place before the first that differs.
prefixes as (

    select
        feed_id,
        cast(
            coalesce(
                min(
                    case
                        when first_place = second_place then null
                        else least(coalesce(first_place, second_place), coalesce(second_place, first_place))
                    end
                ) - 1,
                count(*)
            ) as integer
        ) as prefix_posts
    from compared_posts
    group by feed_id

),

contested_posts as (

    select
        compared_posts.feed_id,
        compared_posts.uri,
        prefixes.prefix_posts,
        cast(compared_posts.first_place - prefixes.prefix_posts as integer) as first_place,
        cast(compared_posts.second_place - prefixes.prefix_posts as integer) as second_place
    from compared_posts
    inner join prefixes on compared_posts.feed_id = prefixes.feed_id
    where coalesce(compared_posts.first_place, compared_posts.second_place) > prefixes.prefix_posts

),

-- For each place of a team's list the same post's place in the other's.
first_lists as (

    select
        feed_id,
        {{ ordered_list('second_place', 'first_place') }} as rivals
    from contested_posts
    where first_place is not null
    group by feed_id

),

second_lists as (

    select
        feed_id,
        {{ ordered_list('first_place', 'second_place') }} as rivals
    from contested_posts
    where second_place is not null
    group by feed_id

),

-- A round is two picks; which team has the first of them.
rounds as (

    select distinct position_before_shuffle - 1 as round_number
    from {{ ref('int_feeds__assembled') }}

),

coins as (

    select
        drafted_feeds.feed_id,
        rounds.round_number,
        {{ draw_integer([
            "'" ~ run_parameter('random_seed') ~ "'", 'drafted_feeds.participant_id', "'" ~ run_parameter('generation') ~ "'",
            "'round'", 'cast(rounds.round_number as varchar)'
        ], 2) }} as second_picks_first
    from drafted_feeds
    inner join rounds on drafted_feeds.feed_length_posts > 2 * rounds.round_number

),

coins_of_feeds as (

    select
        feed_id,
        {{ ordered_list('cast(second_picks_first as integer)', 'round_number') }} as coins
    from coins
    group by feed_id

),

drafts as (

    select
        coins_of_feeds.feed_id,
        drafted_feeds.first_feed_id,
        drafted_feeds.second_feed_id,
        drafted_feeds.first_team_policy,
        drafted_feeds.second_team_policy,
        -- sqlfluff doesn't know a lambda of two names -- noqa: disable=PRS
        {{ team_draft(
            'first_lists.rivals', 'second_lists.rivals', 'coins_of_feeds.coins',
            '(drafted_feeds.feed_length_posts - prefixes.prefix_posts)'
        ) }} as picks
        -- noqa: enable=PRS
    from coins_of_feeds
    inner join drafted_feeds on coins_of_feeds.feed_id = drafted_feeds.feed_id
    inner join prefixes on coins_of_feeds.feed_id = prefixes.feed_id
    left join first_lists on coins_of_feeds.feed_id = first_lists.feed_id
    left join second_lists on coins_of_feeds.feed_id = second_lists.feed_id

),

picked_posts as (

    select
        drafts.*,
        contested_posts.uri,
        contested_posts.prefix_posts,
        {{ place_in_list('drafts.picks', 'contested_posts.first_place') }} as pick_of_first,
        {{ place_in_list('drafts.picks', '-contested_posts.second_place') }} as pick_of_second
    from contested_posts
    inner join drafts on contested_posts.feed_id = drafts.feed_id

),

-- The score is the picking team's; of a common post the first team's.
drafted_posts as (

    select
        compared_posts.feed_id,
        compared_posts.first_place as position,
        compared_posts.uri,
        drafts.first_feed_id as scored_feed_id,
        cast(null as varchar) as credited_policy
    from compared_posts
    inner join prefixes on compared_posts.feed_id = prefixes.feed_id
    inner join drafts on compared_posts.feed_id = drafts.feed_id
    where compared_posts.first_place <= prefixes.prefix_posts
    union all
    select
        feed_id,
        prefix_posts + pick_of_first as position,
        uri,
        first_feed_id as scored_feed_id,
        first_team_policy as credited_policy
    from picked_posts
    where pick_of_first is not null
    union all
    select
        feed_id,
        prefix_posts + pick_of_second as position,
        uri,
        second_feed_id as scored_feed_id,
        second_team_policy as credited_policy
    from picked_posts
    where pick_of_second is not null

),

final as (

    select
        drafted_posts.feed_id,
        cast(drafted_posts.position as integer) as position,
        drafted_posts.uri,
        posts.score,
        posts.like_score,
        posts.freshness_score,
        posts.treatment_multiplier,
        posts.superposter_multiplier,
        posts.similarity_personal,
        posts.candidate_source,
        posts.is_in_network,
        posts.served_before,
        cast(drafted_posts.position as integer) as position_before_shuffle,
        drafted_posts.credited_policy
    from drafted_posts
    inner join {{ ref('int_feeds__explained') }} as posts
        on
            drafted_posts.scored_feed_id = posts.feed_id
            and drafted_posts.uri = posts.uri

)

select * from final
