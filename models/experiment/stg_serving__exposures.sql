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
        client,

        ---------- numerics
        feed_offset,
        page_limit,
        position,

        ---------- booleans
        jti_reused,

        ---------- times, microseconds UTC
        served_us
    from source

)

select * from exposures
