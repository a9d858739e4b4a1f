{{ config(materialized='table') }}

{% set week_us = 7 * 24 * 3600 * 1000000 %}

-- Weeks count from each participant's own enrolment. They go on after a withdrawal: who was assigned is analysed.
with participants as (

    select
        participants.participant_id,
        participants.study,
        participants.arm,
        participants.stratum,
        waves.wave,
        participants.enrolled_us,
        participants.withdrawn_us,
        {{ whole_numbers(whole_units(as_of_us() ~ ' - participants.enrolled_us', week_us)) }} as study_weeks
    from {{ ref('stg_study__participants') }} as participants
    left join {{ ref('int_participants__waves') }} as waves on participants.participant_id = waves.participant_id
    where participants.enrolled_us <= {{ as_of_us() }}

),

weeks as (

    select
        participants.*,
        cast(weeks.study_week as integer) as study_week,
        participants.enrolled_us + weeks.study_week * {{ week_us }} as begins_us
    from participants
    cross join unnest(participants.study_weeks) as weeks (study_week)

)

select
    participant_id,
    study,
    arm,
    stratum,
    wave,
    study_week,
    begins_us,
    begins_us + {{ week_us }} as ends_us,
    begins_us + {{ week_us }} <= {{ as_of_us() }} as is_whole,
    coalesce(withdrawn_us <= begins_us, false) as is_after_withdrawal
from weeks
