{{ config(
    tags=['observe'],
    post_hook="{{ write_observation(this, 'label_coverage.parquet', 'event_day, labeler') }}",
) }}

with labelers as (

    select
        labeler,
        {{ 'in_demo' if run_parameter('label_profile') == 'demo' else 'in_study' }} as is_asked
    from {{ ref('labelers') }}

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
        labelers.is_asked
    from {{ ref('obs_labels__coverage') }} as coverage
    inner join labelers on coverage.labeler = labelers.labeler

)

select * from final
