{{ config(
    tags=['observe'],
    post_hook="{{ write_observation(this, 'freshness.parquet', 'stage') }}",
) }}

-- A resident stage succeeds while it runs; a periodic one when it has ended well. What computes this, an observation
-- and the cycle that ends with it, still runs: that it has begun is enough, and one that died was said to be killed
-- before.
with runs as (

    select
        runs.*,
        targets.kind,
        runs.status in ('done', 'partial')
        or (runs.status = 'running' and (targets.kind = 'resident' or runs.stage in ('observe', 'cycle'))) as is_success
    from {{ ref('fct_pipeline_runs') }} as runs
    inner join {{ ref('schedule_targets') }} as targets on runs.stage = targets.stage

),

first_run as (

    select min(started_us) as first_us
    from {{ ref('fct_pipeline_runs') }}

),

stages as (

    select
        stage,
        max(started_us) as last_started_us,
        max(case when is_success then coalesce(ended_us, started_us) end) as last_success_us,
        {{ at_latest('status', 'row(started_us, run_id, entry_number)') }} as last_status
    from runs
    group by stage

),

final as (

    select
        ---------- what
        targets.stage,
        targets.kind,

        ---------- numerics
        targets.allowed_seconds,
        round(
            ({{ observed_us() }} - coalesce(
                stages.last_success_us,
                case when targets.is_required or stages.stage is not null then first_run.first_us end
            )) / 1e6, 3
        ) as seconds_since_success,

        ---------- text
        stages.last_status,

        ---------- booleans
        coalesce(
            targets.kind = 'resident'
            or (stages.stage is null and not targets.is_required)
            or first_run.first_us is null
            or ({{ observed_us() }} - coalesce(stages.last_success_us, first_run.first_us)) / 1e6
            <= targets.allowed_seconds,
            false
        ) as is_on_time,

        ---------- times, microseconds UTC
        stages.last_started_us,
        stages.last_success_us
    from {{ ref('schedule_targets') }} as targets
    left join stages on targets.stage = stages.stage
    cross join first_run

)

select * from final
