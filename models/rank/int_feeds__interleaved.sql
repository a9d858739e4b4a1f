-- Team draft: in each round both teams pick the best of theirs that is left, and a coin says which of them picks first.
-- Posts are numbers here, and each pick takes its number out of both teams' lists.
{% set picking_team -%}
    case
        when {{ list_length('picks.firsts') }} = 0 then 2
        when {{ list_length('picks.seconds') }} = 0 then 1
        when (picks.pick + {{ item_at('picks.coins', 'cast((picks.pick - picks.pick % 2) / 2 + 1 as integer)') }}) % 2 = 0 then 1
        else 2
    end
{%- endset %}
{% set picked = item_at('case when ' ~ picking_team ~ ' = 1 then picks.firsts else picks.seconds end', 1) %}

with recursive drafted_feeds as (

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
    where drafted.sort_key = 'interleaved'

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

numbered_posts as (

    select
        feed_id,
        uri,
        min(first_place) as first_place,
        min(second_place) as second_place,
        cast(row_number() over (partition by feed_id order by uri) as integer) as post_number
    from team_posts
    group by feed_id, uri

),

compared_posts as (

    select
        feed_id,
        coalesce(first_place = second_place, false) as is_same,
        least(coalesce(first_place, second_place), coalesce(second_place, first_place)) as best_place
    from numbered_posts

),

-- As long as both teams would show the same, nobody is credited.
prefixes as (

    select
        feed_id,
        cast(coalesce(min(case when is_same then null else best_place end) - 1, count(*)) as integer) as prefix_posts
    from compared_posts
    group by feed_id

),

teams as (

    select
        numbered_posts.feed_id,
        {{ ordered_list(
            'case when numbered_posts.first_place > prefixes.prefix_posts then numbered_posts.post_number end',
            'numbered_posts.first_place'
        ) }} as firsts,
        {{ ordered_list(
            'case when numbered_posts.second_place > prefixes.prefix_posts then numbered_posts.post_number end',
            'numbered_posts.second_place'
        ) }} as seconds,
        min(prefixes.prefix_posts) as prefix_posts
    from numbered_posts
    inner join prefixes on numbered_posts.feed_id = prefixes.feed_id
    group by numbered_posts.feed_id

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
    inner join rounds on drafted_feeds.feed_length_posts > rounds.round_number

),

coins_of_feeds as (

    select
        feed_id,
        {{ ordered_list('cast(second_picks_first as integer)', 'round_number') }} as coins
    from coins
    group by feed_id

),

picks as (

    select
        teams.feed_id,
        0 as pick,
        drafted_feeds.feed_length_posts - teams.prefix_posts as wanted_picks,
        coins_of_feeds.coins,
        {{ list_without_nulls('teams.firsts') }} as firsts,
        {{ list_without_nulls('teams.seconds') }} as seconds,
        cast(null as integer) as post_number,
        cast(null as integer) as team
    from teams
    inner join drafted_feeds on teams.feed_id = drafted_feeds.feed_id
    inner join coins_of_feeds on teams.feed_id = coins_of_feeds.feed_id

    union all

    -- What is picked is a column before it is looked for: inside the lambda it would be worked out for every item.
    select
        feed_id,
        pick + 1 as pick,
        wanted_picks,
        coins,
        {{ list_without('firsts', 'picked') }} as firsts,
        {{ list_without('seconds', 'picked') }} as seconds,
        picked as post_number,
        picking_team as team
    from ( -- noqa: ST05
        select
            picks.feed_id,
            picks.pick,
            picks.wanted_picks,
            picks.coins,
            picks.firsts,
            picks.seconds,
            {{ picking_team }} as picking_team,
            {{ picked }} as picked
        from picks
        where
            picks.pick < picks.wanted_picks
            and ({{ list_length('picks.firsts') }} > 0 or {{ list_length('picks.seconds') }} > 0)
    ) as turns

),

drafted_posts as (

    select
        numbered_posts.feed_id,
        numbered_posts.first_place as position,
        numbered_posts.uri,
        cast(null as integer) as team
    from numbered_posts
    inner join prefixes on numbered_posts.feed_id = prefixes.feed_id
    where numbered_posts.first_place <= prefixes.prefix_posts
    union all
    select
        picks.feed_id,
        prefixes.prefix_posts + picks.pick as position,
        numbered_posts.uri,
        picks.team
    from picks
    inner join prefixes on picks.feed_id = prefixes.feed_id
    inner join numbered_posts
        on
            picks.feed_id = numbered_posts.feed_id
            and picks.post_number = numbered_posts.post_number

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
        case drafted_posts.team
            when 1 then drafted_feeds.first_team_policy
            when 2 then drafted_feeds.second_team_policy
        end as credited_policy
    from drafted_posts
    inner join drafted_feeds on drafted_posts.feed_id = drafted_feeds.feed_id
    -- The score is the picking team's; of a common post the first team's.
    inner join {{ ref('int_feeds__explained') }} as posts
        on
            case when drafted_posts.team = 2 then drafted_feeds.second_feed_id else drafted_feeds.first_feed_id end
            = posts.feed_id
            and drafted_posts.uri = posts.uri
    where drafted_posts.position <= drafted_feeds.feed_length_posts

)

select * from final
