{{ config(tags=['observe'], post_hook="{{ write_observation(this, 'measured.parquet', 'rule, subject') }}") }}

{# What each rule of seeds/alert_rules.csv measures now; whether that is too much is for fct_alerts to say. #}
{% set recent_us = 'cast(' ~ observe_parameter('recent_seconds') ~ ' * 1000000 as bigint)' %}
with observed as (

    select {{ observed_us() }} as now_us

),

runs as (

    select
        runs.*,
        targets.kind,
        runs.status in ('done', 'partial') or (targets.kind = 'resident' and runs.status = 'running') as is_success
    from {{ ref('fct_pipeline_runs') }} as runs
    inner join {{ ref('schedule_targets') }} as targets on runs.stage = targets.stage

),

last_successes as (

    select
        stage,
        max(case when is_success then started_us end) as last_success_us
    from runs
    group by stage

),

runs_since_success as (

    select runs.*
    from runs
    inner join last_successes on runs.stage = last_successes.stage
    where runs.started_us > coalesce(last_successes.last_success_us, 0)

),

newest_events as (

    select max(event_us) as newest_us
    from {{ source('raw', 'records') }}
    where live and dt >= {{ observed_since_day(14) }}

),

capture_lag as (

    select
        'capture_lag' as rule,
        '' as subject,
        (observed.now_us - newest_events.newest_us) / 1e6 as measured_value,
        cast(null as bigint) as since_us,
        cast(null as varchar) as detail
    from newest_events
    cross join observed
    where newest_events.newest_us is not null

),

landings as (

    select
        runs.started_us,
        try_cast({{ json_text_at('runs.detail', "'$.ahead_s'") }} as double) as ahead_seconds
    from {{ ref('fct_pipeline_runs') }} as runs
    cross join observed
    where
        runs.stage = 'land' and runs.detail is not null
        and coalesce(runs.ended_us, runs.started_us) >= observed.now_us - {{ recent_us }}

),

-- A clock that is ahead makes events look old, which is capture_lag.
clock_behind as (

    select
        'clock_behind' as rule,
        '' as subject,
        max(ahead_seconds) as measured_value,
        min(case when ahead_seconds > 0 then started_us end) as since_us,
        'what was taken meanwhile is dated by the wrong clock' as detail
    from landings
    having max(ahead_seconds) is not null

),

capture_silent_hours as (

    select
        'capture_silent_hours' as rule,
        '' as subject,
        cast(count(*) as double) as measured_value,
        min(hours.hour_us) as since_us,
        'the first is ' || min(hours.event_hour) as detail
    from {{ ref('fct_capture_hours') }} as hours
    cross join observed
    where not hours.is_explained and hours.hour_us >= observed.now_us - 7 * 86400000000

),

gaps as (

    select
        gap_id,
        {{ at_latest('kind', 'row(event_us, ingested_at, segment)') }} as kind,
        {{ gap_state('state') }} as last_state,
        min(event_us) as found_us
    from {{ source('raw', 'gaps') }}
    group by gap_id

),

-- What was before capture began is no fault of it.
gaps_open as (

    select
        'gaps_open' as rule,
        gaps.kind as subject,
        cast(count(*) as double) as measured_value,
        min(gaps.found_us) as since_us,
        cast(null as varchar) as detail
    from gaps
    cross join observed
    where
        gaps.last_state = 'open'
        and gaps.kind <> 'first_start'
        and gaps.found_us < observed.now_us - cast({{ observe_parameter('gap_grace_hours') }} * 3600000000 as bigint)
    group by gaps.kind

),

rejected_events as (

    select
        count(*) as events,
        min(rejected.ingested_at) as first_us
    from {{ source('raw', 'rejected') }} as rejected
    cross join observed
    where
        rejected.dt >= {{ observed_since_day(14) }}
        and rejected.ingested_at >= observed.now_us - {{ recent_us }}

),

taken_events as (

    select count(*) as events
    from {{ source('raw', 'records') }} as records
    cross join observed
    where
        records.dt >= {{ observed_since_day(14) }}
        and records.ingested_at >= observed.now_us - {{ recent_us }}

),

events_rejected as (

    select
        'events_rejected' as rule,
        '' as subject,
        cast(rejected_events.events as double) / (rejected_events.events + taken_events.events) as measured_value,
        rejected_events.first_us as since_us,
        cast(rejected_events.events as varchar) || ' events' as detail
    from rejected_events
    cross join taken_events
    where rejected_events.events > 0

),

stage_failing as (

    select
        'stage_failing' as rule,
        stage as subject,
        cast(count(*) as double) as measured_value,
        min(started_us) as since_us,
        {{ at_latest("status || coalesce(': ' || error_message, '')", 'row(started_us, run_id, entry_number)') }}
            as detail
    from runs_since_success
    where status in ('failed', 'killed')
    group by stage

),

-- A record of a kill is written by whoever found it: that is when it is known.
broken_runs as (

    select
        runs.stage,
        runs.kind,
        runs.started_us,
        observed.now_us - coalesce(runs.ended_us, runs.started_us) as age_us,
        runs.status || coalesce(': ' || runs.error_message, '') as said,
        row(runs.started_us, runs.run_id, runs.entry_number) as place
    from runs
    cross join observed
    where runs.status in ('failed', 'killed')

),

stage_unsteady as (

    select
        'stage_unsteady' as rule,
        stage as subject,
        cast(count(*) as double) as measured_value,
        min(started_us) as since_us,
        {{ at_latest('said', 'place') }} as detail
    from broken_runs
    where age_us <= {{ recent_us }}
    group by stage

),

job_restarting as (

    select
        'job_restarting' as rule,
        stage as subject,
        cast(count(*) as double) as measured_value,
        min(started_us) as since_us,
        {{ at_latest('said', 'place') }} as detail
    from broken_runs
    where
        kind = 'resident'
        and age_us <= cast({{ observe_parameter('restart_window_seconds') }} * 1000000 as bigint)
    group by stage

),

schedule_missed as (

    select
        'schedule_missed' as rule,
        freshness.stage as subject,
        freshness.seconds_since_success / freshness.allowed_seconds as measured_value,
        observed.now_us - cast(
            (freshness.seconds_since_success - freshness.allowed_seconds) * 1000000 as bigint
        ) as since_us,
        'allowed are ' || cast(freshness.allowed_seconds as varchar) || ' seconds' as detail
    from {{ ref('fct_freshness') }} as freshness
    cross join observed
    where not freshness.is_on_time

),

feeds_old as (

    select
        'feeds_old' as rule,
        '' as subject,
        freshness.seconds_since_success as measured_value,
        cast(null as bigint) as since_us,
        cast(null as varchar) as detail
    from {{ ref('fct_freshness') }} as freshness
    where freshness.stage = 'rank' and freshness.last_success_us is not null

),

ranking_refused as (

    select
        'ranking_refused' as rule,
        '' as subject,
        cast(count(*) as double) as measured_value,
        min(started_us) as since_us,
        {{ at_latest('error_message', 'row(started_us, run_id, entry_number)') }} as detail
    from runs_since_success
    where stage = 'rank' and status = 'refused'
    having count(*) > 0

),

labels_missing as (

    select
        'labels_missing' as rule,
        coverage.labeler as subject,
        cast(sum(coverage.waiting + coverage.failed) as double) / sum(coverage.posts) as measured_value,
        cast(null as bigint) as since_us,
        cast(sum(coverage.waiting + coverage.failed) as varchar) || ' of '
        || cast(sum(coverage.posts) as varchar) || ' posts' as detail
    from {{ ref('fct_label_coverage') }} as coverage
    where coverage.is_asked and coverage.event_day >= {{ observed_since_day(3) }}
    group by coverage.labeler
    having sum(coverage.posts) >= {{ observe_parameter('min_attempts') }}

),

asks as (

    select
        labeler,
        run_id,
        status,
        error,
        labelled_at
    from {{ ref('stg_labels__values') }}
    where dt >= {{ observed_since_day(2) }}

),

last_runs_of_labelers as (

    select
        labeler,
        {{ at_latest('run_id', 'row(labelled_at, run_id)') }} as run_id
    from asks
    group by labeler

),

last_asks as (

    select asks.*
    from asks
    inner join last_runs_of_labelers as last_runs
        on asks.labeler = last_runs.labeler and asks.run_id = last_runs.run_id

),

-- Posts that a labeler failed on have a row each; one that failed as a whole is in the record of the run that asked it.
failing_asks as (

    select
        labeler,
        cast(count(*) filter (where status = 'failed') as double) / count(*) as measured_value,
        min(case when status = 'failed' then labelled_at end) as since_us,
        max_by(error, labelled_at) filter (where status = 'failed') as detail
    from last_asks
    group by labeler
    -- of few asks a share says nothing, unless not one of them went well
    having
        count(*) >= {{ observe_parameter('min_attempts') }}
        or (
            count(*) >= {{ observe_parameter('min_attempts_all_failed') }}
            and count(*) = count(*) filter (where status = 'failed')
        )

),

labeler_runs as (

    select
        labelers.labeler,
        runs.started_us,
        {{ json_text_at('runs.detail', "'$.labelers.' || labelers.labeler || '.status'") }} as status,
        {{ json_text_at('runs.detail', "'$.labelers.' || labelers.labeler || '.error'") }} as error_message
    from {{ ref('fct_pipeline_runs') }} as runs
    cross join {{ ref('labelers') }} as labelers
    where runs.stage = 'enrich' and runs.detail is not null

),

labeler_successes as (

    select
        labeler,
        max(case when status = 'done' then started_us end) as last_success_us
    from labeler_runs
    group by labeler

),

failing_labelers as (

    select
        labeler_runs.labeler,
        cast(1 as double) as measured_value,
        min(labeler_runs.started_us) as since_us,
        max_by(labeler_runs.error_message, labeler_runs.started_us) as detail
    from labeler_runs
    inner join labeler_successes on labeler_runs.labeler = labeler_successes.labeler
    where
        labeler_runs.status = 'failed'
        and labeler_runs.started_us > coalesce(labeler_successes.last_success_us, 0)
    group by labeler_runs.labeler

),

labeler_failing as (

    select
        'labeler_failing' as rule,
        labeler as subject,
        max(measured_value) as measured_value,
        min(since_us) as since_us,
        max(detail) as detail
    from (
        select * from failing_asks
        union all
        select * from failing_labelers
    ) as failures
    group by labeler

),

cost_of_a_day as (

    select
        'cost_of_a_day' as rule,
        '' as subject,
        sum(labeler_costs.cost_usd) as measured_value,
        cast(null as bigint) as since_us,
        cast(null as varchar) as detail
    from {{ ref('fct_labeler_days') }} as labeler_costs
    where labeler_costs.labelled_day = {{ utc_day(observed_us()) }} and labeler_costs.cost_usd is not null
    having sum(labeler_costs.cost_usd) is not null

),

probes as (

    select
        *,
        row_number() over (partition by host, probe, subject order by read_us desc, run_id desc) as age_rank,
        max(case when is_ok then read_us end) over (partition by host, probe, subject) as last_ok_us
    from {{ ref('fct_probes') }}

),

failing_checks as (

    select
        probe,
        subject,
        count(*) as checks,
        min(read_us) as since_us,
        max_by(reason, read_us) as reason
    from probes
    where not is_ok and read_us > coalesce(last_ok_us, 0)
    group by host, probe, subject

),

server_checks as (

    select
        case when probe = 'server' then 'server_down' else 'server_not_ready' end as rule,
        subject,
        cast(checks as double) as measured_value,
        since_us,
        reason as detail
    from failing_checks
    where probe in ('server', 'server_ready')

),

fullness as (

    select
        case when probe = 'disk' then 'disk_filling' else 'spool_waiting' end as rule,
        subject,
        measured_value,
        cast(null as bigint) as since_us,
        reason as detail
    from probes
    where age_rank = 1 and probe in ('disk', 'spool') and measured_value is not null

),

answers as (

    select
        exposures.req_id,
        max(exposures.served_us) as served_us,
        max(exposures.latency_us) as latency_us,
        max(exposures.arm_assigned) as arm_assigned,
        max(exposures.fallback_reason) as fallback_reason
    from {{ source('raw', 'exposures') }} as exposures
    cross join observed
    where exposures.dt >= {{ observed_since_day(2) }} and exposures.served_us >= observed.now_us - {{ recent_us }}
    group by exposures.req_id

),

fallbacks as (

    select
        'fallbacks' as rule,
        '' as subject,
        cast(count(fallback_reason) as double) / count(*) as measured_value,
        min(case when fallback_reason is not null then served_us end) as since_us,
        'the last one: ' || max_by(fallback_reason, served_us) as detail
    from answers
    where
        (arm_assigned is not null and coalesce(fallback_reason, '') <> 'withdrawn')
        or fallback_reason = 'resolver_down'
    having count(*) >= {{ observe_parameter('min_attempts') }}

),

server_slow as (

    select
        'server_slow' as rule,
        '' as subject,
        {{ percentile('latency_us', 0.99) }} / 1e3 as measured_value,
        cast(null as bigint) as since_us,
        cast(count(*) as varchar) || ' answers' as detail
    from answers
    having count(*) >= {{ observe_parameter('min_attempts') }}

),

final as (

    {%- for rule in [
        'capture_lag', 'clock_behind', 'capture_silent_hours', 'gaps_open', 'events_rejected', 'stage_failing',
        'stage_unsteady', 'job_restarting',
        'schedule_missed', 'feeds_old', 'ranking_refused', 'labels_missing', 'labeler_failing', 'cost_of_a_day',
        'server_checks', 'fullness', 'fallbacks', 'server_slow',
    ] %}
    {{ 'union all' if not loop.first }}
    select
        rule,
        subject,
        cast(measured_value as double) as measured_value,
        cast(since_us as bigint) as since_us,
        detail
    from {{ rule }}
    {%- endfor %}

)

select * from final
