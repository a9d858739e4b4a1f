{{ config(materialized='table') }}

{% set week_us = 7 * 24 * 3600 * 1000000 %}

-- Weeks count from each participant's own enrolment. They go on after a withdrawal: who was assigned is analysed.
with recursive participants as (

    select
        participant_id,
        study,
        arm,
        stratum,
        status,
        enrolled_us,
        withdrawn_us
    from {{ ref('stg_study__participants') }}
    where enrolled_us <= {{ as_of_us() }}

),

weeks as (

    select
        participants.*,
        0 as study_week,
        participants.enrolled_us as begins_us
    from participants
    union all
    select
        participant_id,
        study,
        arm,
        stratum,
        status,
        enrolled_us,
        withdrawn_us,
        study_week + 1 as study_week,
        begins_us + {{ week_us }} as begins_us
    from weeks
    where begins_us + {{ week_us }} <= {{ as_of_us() }}

)

select
    participant_id,
    study,
    arm,
    stratum,
    study_week,
    begins_us,
    begins_us + {{ week_us }} as ends_us,
    begins_us + {{ week_us }} <= {{ as_of_us() }} as is_whole,
    coalesce(withdrawn_us <= begins_us, false) as is_after_withdrawal
from weeks
