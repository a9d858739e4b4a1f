-- The file has no column `generation`: its folder says it.
{{ config(materialized='in_batches', post_hook="{{ write_lake_file(
    '(select * exclude (generation) from ' ~ this ~ ')',
    'feeds', 'generation=' ~ run_parameter('generation') ~ '/positions', 'feeds.parquet', 'participant_id, position'
) }}") }}

with participants as (

    select * from {{ ref('int_participants__policies') }}
    where {{ in_this_batch() }}

),

positions as (

    select positions.*
    from {{ ref('int_feeds__positions') }} as positions
    inner join participants on positions.participant_id = participants.participant_id

),

arms as (

    select
        arm,
        policy,
        policy_version
    from {{ ref('int_arms__policies') }}
    where arm <> 'default'

),

posts as (

    select * from {{ ref('int_posts__rankable') }}

),

first_pages as (

    select
        participant_id,
        uri
    from positions
    where is_served and position <= {{ run_parameter('first_page_positions') }}

),

-- The place that the post would have had for the same participant in each arm but their own; no row where none.
counterfactual_places as (

    select
        first_pages.participant_id,
        first_pages.uri,
        arms.arm,
        positions.position
    from first_pages
    inner join positions
        on
            first_pages.participant_id = positions.participant_id
            and first_pages.uri = positions.uri
    inner join arms
        on
            positions.policy = arms.policy
            and positions.policy_version = arms.policy_version
    inner join participants on first_pages.participant_id = participants.participant_id
    where arms.arm <> participants.arm

),

counterfactuals as (

    select
        participant_id,
        uri,
        '{' || {{ joined_texts("'\"' || arm || '\": ' || cast(position as varchar)", 'arm') }} || '}'
            as counterfactual_positions
    from counterfactual_places
    group by participant_id, uri

),

final as (

    select
        ---------- ids
        '{{ run_parameter("generation") }}' as generation,
        positions.participant_id,
        participants.arm,
        positions.policy,
        positions.policy_version,
        positions.position,
        posts.uri,
        posts.cid,
        posts.author_did,

        ---------- times, microseconds UTC
        posts.event_us,

        ---------- score and its parts
        positions.score,
        positions.like_score,
        positions.freshness_score,
        positions.treatment_multiplier,
        positions.superposter_multiplier,

        ---------- what was scored
        posts.likes,
        posts.similarity,
        positions.similarity_personal,
        posts.age_hours,
        posts.toxic,
        posts.constructive,
        posts.sociopolitical,
        posts.is_superposter,

        ---------- how it got its place
        positions.candidate_source,
        positions.is_in_network,
        positions.served_before,
        positions.position_before_shuffle,
        positions.shuffle_offset,
        positions.propensity,
        positions.credited_policy,

        ---------- where it would have been
        case
            when
                positions.position <= {{ run_parameter('first_page_positions') }}
                and positions.participant_id <> '_default'
                then coalesce(counterfactuals.counterfactual_positions, '{}')
        end as counterfactual_positions
    from positions
    inner join participants on positions.participant_id = participants.participant_id
    inner join posts on positions.uri = posts.uri
    left join counterfactuals
        on
            positions.participant_id = counterfactuals.participant_id
            and positions.uri = counterfactuals.uri
    where positions.is_served

)

select * from final
