{{ config(post_hook="{{ write_lake_file(
    this, 'feeds', 'generation=' ~ run_parameter('generation') ~ '/inputs', 'guardrails.parquet', 'guardrail'
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

last_feeds as (

    select
        participant_id,
        uri
    from {{ ref('int_participants__last_feed') }}

),

earlier_readers as (

    select distinct participant_id
    from last_feeds

),

readers as (

    select distinct participant_id
    from feeds

),

-- Only of those who had a feed before: who is new has nothing to compare with.
churned as (

    select
        count(*) as positions,
        count(*) - count(last_feeds.uri) as new_positions
    from feeds
    inner join earlier_readers on feeds.participant_id = earlier_readers.participant_id
    left join last_feeds
        on
            feeds.participant_id = last_feeds.participant_id
            and feeds.uri = last_feeds.uri

),

earlier_sizes as (

    select count(*) as positions
    from last_feeds
    inner join readers on last_feeds.participant_id = readers.participant_id

),

unlabelled as (

    select
        count(*) as positions,
        sum(case when toxic is null or constructive is null or sociopolitical is null then 1 else 0 end)
            as positions_without
    from feeds
    where treatment_multiplier is not null

),

missing_labels as (

    {%- for label in ['toxic', 'constructive', 'sociopolitical'] %}
    {{ 'union all' if not loop.first }}
    select
        '{{ label }}' as label_name,
        count(*) as positions,
        count(*) - count({{ label }}) as positions_without
    from feeds
    where treatment_multiplier is not null
    {%- endfor %}

),

label_sources as (

    select
        label_name,
        {{ joined_texts('labeler', 'priority, labeler') }} as labelers
    from (
        select
            label as label_name,
            labeler,
            min(priority) as priority
        from {{ ref('label_precedence') }}
        where profile = '{{ run_parameter("label_profile") }}'
        group by label, labeler
    ) as labelers_of_label
    group by label_name

),

-- What is missing and who should have given it, for whoever has to do something about it.
unlabelled_detail as (

    select
        {{ joined_texts(
            "missing_labels.label_name || ' on ' || cast(missing_labels.positions_without as varchar) || ' of '"
            ~ " || cast(missing_labels.positions as varchar) || ' positions (from '"
            ~ " || coalesce(replace(label_sources.labelers, ', ', ' or '), 'no labeler') || ')'",
            'missing_labels.label_name'
        ) }} as detail
    from missing_labels
    left join label_sources on missing_labels.label_name = label_sources.label_name
    where missing_labels.positions_without > 0

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

    -- Without an earlier generation there is nothing to lose and nothing to churn.
    select
        'positions_kept_share' as guardrail,
        coalesce(cast(churned.positions as double) / nullif(earlier_sizes.positions, 0), 1) as measured_value
    from churned
    cross join earlier_sizes

    union all

    select
        'churned_share_minimum' as guardrail,
        coalesce(cast(new_positions as double) / nullif(positions, 0), 1) as measured_value
    from churned

    union all

    select
        'churned_share_maximum' as guardrail,
        coalesce(cast(new_positions as double) / nullif(positions, 0), 0) as measured_value
    from churned

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
        case
            when guardrails.guardrail = 'unlabelled_share' and unlabelled_detail.detail is not null
                then
                    'label profile {{ run_parameter("label_profile") }} lacks ' || unlabelled_detail.detail
                    || '; let one of those labelers answer'
                    {%- if run_parameter('label_profile') != 'demo' %}
                    || ', or set FEEDTRIAL_LABEL_PROFILE=demo, whose labelers need no key'
                    {%- endif %}
        end as detail,
        coalesce(
            case
                when guardrails.comparison = 'at_least' then measured.measured_value >= guardrails.bound
                else measured.measured_value <= guardrails.bound
            end,
            false
        ) as is_passed
    from guardrails
    left join measured on guardrails.guardrail = measured.guardrail
    cross join unlabelled_detail

)

select * from final
