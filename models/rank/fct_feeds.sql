-- The file has no column `generation`: its folder says it.
{{ config(post_hook="{{ write_lake_file(
    '(select * exclude (generation) from ' ~ this ~ ')',
    'feeds', 'generation=' ~ run_parameter('generation'), 'feeds.parquet', 'participant_id, position'
) }}") }}

with assembled_feeds as (

    select * from {{ ref('int_feeds__assembled') }}

),

participants as (

    select * from {{ ref('int_participants__policies') }}

),

ranked_posts as (

    select * from {{ ref('int_posts__ranked') }}

),

posts as (

    select * from {{ ref('int_posts__rankable') }}

),

final as (

    select
        ---------- ids
        '{{ run_parameter("generation") }}' as generation,
        assembled_feeds.participant_id,
        participants.arm,
        participants.policy,
        participants.policy_version,
        assembled_feeds.position,
        posts.uri,
        posts.cid,
        posts.author_did,

        ---------- times, microseconds UTC
        posts.event_us,

        ---------- score and its parts
        ranked_posts.score,
        ranked_posts.like_score,
        ranked_posts.freshness_score,
        ranked_posts.treatment_multiplier,
        ranked_posts.superposter_multiplier,

        ---------- what was scored
        posts.likes,
        posts.similarity,
        posts.age_hours,
        posts.toxic,
        posts.constructive,
        posts.sociopolitical,
        posts.is_superposter,

        ---------- how it got its place
        assembled_feeds.candidate_source,
        assembled_feeds.is_in_network,
        assembled_feeds.served_before,
        assembled_feeds.position_before_shuffle,
        assembled_feeds.shuffle_offset,
        assembled_feeds.propensity
    from assembled_feeds
    inner join participants on assembled_feeds.participant_id = participants.participant_id
    inner join ranked_posts
        on
            participants.policy = ranked_posts.policy
            and participants.policy_version = ranked_posts.policy_version
            and assembled_feeds.uri = ranked_posts.uri
    inner join posts on assembled_feeds.uri = posts.uri

)

select * from final
