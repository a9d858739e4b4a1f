{{ config(
    tags=['observe'],
    post_hook="{{ write_observation(this, 'arm_hours.parquet', 'served_hour, arm') }}",
) }}

with positions as (

    select
        *,
        {{ utc_hour('served_us') }} as served_hour
    from {{ source('raw', 'exposures') }}
    where
        dt >= {{ observed_since_day(60) }}
        and served_us >= {{ observed_us() }}
        - cast({{ observe_parameter('served_days') }} * 86400000000 as bigint)

),

answers as (

    select
        req_id,
        served_hour,
        coalesce(arm_assigned, '_none') as arm,
        max(participant_id) as participant_id,
        max(fallback_reason) as fallback_reason,
        max(latency_us) as latency_us,
        count(uri) as posts_sent
    from positions
    group by req_id, served_hour, coalesce(arm_assigned, '_none')

),

final as (

    select
        ---------- what
        served_hour,
        arm,

        ---------- numerics
        count(*) as answers,
        count(distinct participant_id) as participants,
        cast(sum(posts_sent) as bigint) as positions,
        count(*) filter (where fallback_reason is not null) as fallbacks,
        count(*) filter (where posts_sent = 0) as empty_answers,
        round({{ percentile('latency_us', 0.5) }} / 1e3, 3) as latency_ms_median,
        round({{ percentile('latency_us', 0.99) }} / 1e3, 3) as latency_ms_p99
    from answers
    group by served_hour, arm

)

select * from final
