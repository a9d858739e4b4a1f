with source as (

    select * from {{ source('study', 'participants') }}

),

participants_of_this_study as (

    select
        ---------- ids
        participant_id,
        study,
        did,

        ---------- text
        arm,
        status,
        stratum,

        ---------- times, microseconds UTC
        enrolled_us,
        withdrawn_us

    from source
    where
        study = '{{ run_parameter("study") }}'
        and {{ known_then('enrolled_us') }}

)

select * from participants_of_this_study
