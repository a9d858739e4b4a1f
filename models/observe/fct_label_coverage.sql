{{ config(
    tags=['observe'],
    post_hook="{{ write_observation(this, 'label_coverage.parquet', 'event_day, labeler') }}",
) }}

with labelers as (

    select
        labeler,
        asked_until,
        {{ 'in_demo' if run_parameter('label_profile') == 'demo' else 'in_study' }} as is_asked
    from {{ ref('labelers') }}

),

-- Days whose posts are still being labelled are counted anew by each observation; older ones, of which some posts are
-- past the lookback, once a day.
recent as (

    {{ label_coverage(observed_since_day(2)) | indent(4) }}

),

coverage as (

    select * from recent
    union all
    select * from {{ ref('obs_labels__coverage') }}
    where event_day < {{ observed_since_day(2) }}

),

final as (

    select
        ---------- what
        coverage.event_day,
        coverage.labeler,
        coverage.version,

        ---------- numerics
        coverage.posts,
        coverage.labelled,
        coverage.refused,
        coverage.failed,
        coverage.waiting,
        coverage.coverage,

        ---------- booleans
        labelers.is_asked and (labelers.asked_until is null or coverage.event_day <= labelers.asked_until) as is_asked
    from coverage
    inner join labelers on coverage.labeler = labelers.labeler

)

select * from final
