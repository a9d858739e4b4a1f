with source as (

    select * from {{ source('raw', 'exposures') }}

),

exposures as (

    select
        ---------- ids
        req_id,
        participant_id,
        study,
        generation,
        uri,

        ---------- text
        arm_assigned,
        policy_served,
        policy_version,
        fallback_reason,

        ---------- numerics
        feed_offset,
        position,

        ---------- times, microseconds UTC
        served_us
    from source

)

select * from exposures
