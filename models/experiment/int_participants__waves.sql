with participants as (

    select
        participant_id,
        {{ utc_day('enrolled_us') }} as enrolled_day
    from {{ ref('stg_study__participants') }}

),

-- A wave has a row an arm.
waves as (

    select distinct
        wave,
        cast(begins as varchar) as first_day,
        cast(ends as varchar) as day_after_last
    from {{ ref('enrolment_waves') }}

)

select
    participants.participant_id,
    waves.wave
from participants
left join waves
    on
        participants.enrolled_day >= waves.first_day
        and (waves.day_after_last is null or participants.enrolled_day < waves.day_after_last)
