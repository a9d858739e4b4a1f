{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='generation',
    on_schema_change='append_new_columns',
    tags=['observe'],
    post_hook="{{ write_observation(this, 'arm_generations.parquet', 'ranked_us, generation, arm, policy, policy_version') }}",
) }}

-- A generation never changes: each is read once.
with positions as (

    select *
    from {{ source('published', 'feeds') }}
    where position <= {{ observe_parameter('first_positions') }} and {{ is_unseen_generation(this) }}

),

final as (

    select
        ---------- ids
        generation,
        arm,
        policy,
        policy_version,

        ---------- numerics
        count(distinct participant_id) as feeds,
        count(*) as positions,
        count(distinct uri) as posts,
        count(toxic) as labelled_positions,
        round(cast(sum(cast(toxic as decimal(18, 9))) as double) / nullif(count(toxic), 0), 6) as mean_toxic,
        round(
            cast(sum(cast(constructive as decimal(18, 9))) as double) / nullif(count(constructive), 0), 6
        ) as mean_constructive,
        round(
            cast(sum(cast(sociopolitical as decimal(18, 9))) as double) / nullif(count(sociopolitical), 0), 6
        ) as mean_sociopolitical,
        round(count(*) filter (where is_in_network) / cast(count(*) as double), 6) as in_network_share,
        round(count(*) filter (where is_superposter) / cast(count(*) as double), 6) as superposter_share,
        round(cast(sum(cast(age_hours as decimal(18, 6))) as double) / count(*), 4) as mean_age_hours,

        ---------- times, microseconds UTC
        max(event_us + cast(round(age_hours * 3600000000) as bigint)) as ranked_us
    from positions
    group by generation, arm, policy, policy_version

)

select * from final
