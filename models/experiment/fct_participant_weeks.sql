{{ config(materialized='table') }}

with weeks as (

    select * from {{ ref('int_participants__weeks') }}

),

exposures as (

    select * from {{ ref('fct_exposures') }}
    where
        participant_id is not null
        and is_for_reading

),

feeds as (

    select
        generation,
        participant_id,
        uri,
        toxic,
        constructive,
        sociopolitical,
        is_superposter
    from {{ ref('stg_feeds__published') }}

),

exposures_with_labels as (

    select
        exposures.participant_id,
        exposures.req_id,
        exposures.uri,
        exposures.served_us,
        exposures.fallback_reason is null as is_own_feed,
        exposures.is_in_network,
        feeds.toxic,
        feeds.constructive,
        feeds.sociopolitical,
        feeds.is_superposter
    from exposures
    left join feeds
        on
            exposures.generation = feeds.generation
            and exposures.uri = feeds.uri
            and feeds.participant_id = case
                when exposures.fallback_reason is null then exposures.participant_id else '_default'
            end

),

-- Sums of doubles vary with the number of threads; millionths don't.
exposed_weeks as (

    select
        weeks.participant_id,
        weeks.study_week,
        count(distinct exposures_with_labels.req_id) as answers,
        count(exposures_with_labels.uri) as positions,
        sum(case when exposures_with_labels.is_own_feed then 1 else 0 end) as positions_own_feed,
        count(distinct exposures_with_labels.uri) as posts,
        sum(case when exposures_with_labels.is_in_network then 1 else 0 end) as positions_in_network,
        sum(case when exposures_with_labels.is_superposter then 1 else 0 end) as positions_superposter,
        count(exposures_with_labels.toxic) as toxic_positions,
        count(exposures_with_labels.constructive) as constructive_positions,
        count(exposures_with_labels.sociopolitical) as sociopolitical_positions,
        sum(cast(round(exposures_with_labels.toxic * 1000000) as bigint)) as toxic_millionths,
        sum(cast(round(exposures_with_labels.constructive * 1000000) as bigint)) as constructive_millionths,
        sum(cast(round(exposures_with_labels.sociopolitical * 1000000) as bigint)) as sociopolitical_millionths
    from weeks
    inner join exposures_with_labels
        on
            weeks.participant_id = exposures_with_labels.participant_id
            and weeks.begins_us <= exposures_with_labels.served_us
            and weeks.ends_us > exposures_with_labels.served_us
    group by weeks.participant_id, weeks.study_week

),

final as (

    select
        ---------- ids
        weeks.participant_id,
        weeks.study,
        weeks.arm as arm_assigned,
        weeks.stratum,
        weeks.wave,
        cast(weeks.study_week as integer) as study_week,

        ---------- booleans
        weeks.is_whole,
        weeks.is_after_withdrawal,

        ---------- what was sent; 0 in a week without an answer
        cast(coalesce(exposed_weeks.answers, 0) as bigint) as answers,
        cast(coalesce(exposed_weeks.positions, 0) as bigint) as positions,
        cast(coalesce(exposed_weeks.positions_own_feed, 0) as bigint) as positions_own_feed,
        cast(coalesce(exposed_weeks.posts, 0) as bigint) as posts,
        cast(coalesce(exposed_weeks.positions_in_network, 0) as bigint) as positions_in_network,
        cast(coalesce(exposed_weeks.positions_superposter, 0) as bigint) as positions_superposter,

        ---------- means over what was sent and labelled; null in a week without any
        {%- for label in ['toxic', 'constructive', 'sociopolitical'] %}
        round(
            exposed_weeks.{{ label }}_millionths
            / cast(1000000 as double)
            / nullif(exposed_weeks.{{ label }}_positions, 0),
            9
        ) as mean_{{ label }},
        {%- endfor %}

        ---------- times, microseconds UTC
        weeks.begins_us
    from weeks
    left join exposed_weeks
        on
            weeks.participant_id = exposed_weeks.participant_id
            and weeks.study_week = exposed_weeks.study_week

)

select * from final
