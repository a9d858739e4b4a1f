{{ config(post_hook="{{ write_lake_file(
    this, 'feeds', 'generation=' ~ var('generation') ~ '/inputs', 'guardrails.parquet', 'guardrail'
) }}") }}

with guardrails as (

    select * from {{ ref('guardrails') }}

),

feeds as (

    select * from {{ ref('fct_feeds') }}

),

active_participants as (

    select participant_id
    from {{ ref('stg_study__participants') }}
    where status = 'active'

),

unshowable_positions as (

    select distinct
        participant_id,
        position
    from {{ ref('int_feeds__unshowable') }}

),

participants_with_feeds as (

    select distinct participant_id
    from feeds

),

missing_feeds as (

    select
        count(*) as participants,
        count(*) - count(participants_with_feeds.participant_id) as participants_without
    from active_participants
    left join participants_with_feeds
        on active_participants.participant_id = participants_with_feeds.participant_id

),

unlabelled as (

    select
        count(*) as positions,
        sum(case when toxic is null or constructive is null or sociopolitical is null then 1 else 0 end)
            as positions_without
    from feeds
    where treatment_multiplier is not null

),

measured as (

    select
        'default_feed_posts' as guardrail,
        cast(count(*) as double) as measured_value
    from feeds
    where participant_id = '_default'

    union all

    select
        'feeds_missing_share' as guardrail,
        coalesce(cast(participants_without as double) / nullif(participants, 0), 0) as measured_value
    from missing_feeds

    union all

    select
        'ineligible_posts' as guardrail,
        cast(count(*) as double) as measured_value
    from unshowable_positions

    union all

    select
        'unlabelled_share' as guardrail,
        coalesce(cast(positions_without as double) / nullif(positions, 0), 0) as measured_value
    from unlabelled

),

final as (

    select
        guardrails.guardrail,
        measured.measured_value,
        guardrails.comparison,
        guardrails.bound,
        guardrails.unit,
        guardrails.description,
        coalesce(
            case
                when guardrails.comparison = 'at_least' then measured.measured_value >= guardrails.bound
                else measured.measured_value <= guardrails.bound
            end,
            false
        ) as is_passed
    from guardrails
    left join measured on guardrails.guardrail = measured.guardrail

)

select * from final
