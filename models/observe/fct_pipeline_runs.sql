{{ config(
    tags=['observe'],
    post_hook="{{ write_observation(this, 'pipeline_runs.parquet', 'started_us, run_id, stage, host, pid') }}",
) }}

with states as (

    select
        *,
        case when status = 'running' then 0 else 1 end as rank_in_moment
    from {{ source('raw', 'runs') }}

),

-- A stage may be entered several times in one run: each 'running' row begins another. Segments of one process sort as
-- they were written, also within a millisecond.
states_of_entries as (

    select
        *,
        sum(case when status = 'running' then 1 else 0 end) over (
            partition by run_id, dag, stage, host, pid
            order by ts, segment, rank_in_moment
            rows between unbounded preceding and current row
        ) as entry_number
    from states

),

entries as (

    select
        run_id,
        dag,
        stage,
        host,
        pid,
        entry_number,
        {{ at_latest('status', 'row(ts, segment, rank_in_moment)') }} as status,
        {{ at_latest('error', 'row(ts, segment, rank_in_moment)') }} as error_text,
        {{ at_latest('records', 'row(ts, segment, rank_in_moment)') }} as records,
        {{ at_latest('duration_s', 'row(ts, segment, rank_in_moment)') }} as duration_s,
        {{ at_latest('detail', 'row(ts, segment, rank_in_moment)') }} as detail,
        {{ at_latest('trace_id', 'row(ts, segment, rank_in_moment)') }} as trace_id,
        min(ts) as first_us,
        max(ts) as last_us
    from states_of_entries
    group by run_id, dag, stage, host, pid, entry_number

),

final as (

    select
        ---------- ids
        run_id,
        dag,
        stage,
        host,
        pid,
        cast(entry_number as bigint) as entry_number,

        ---------- how it ended
        status,
        case when error_text like 'FT_%' then split_part(error_text, ':', 1) end as error_code,
        error_text as error_message,
        records,
        duration_s,
        detail,
        trace_id,

        ---------- times, microseconds UTC
        cast(case when entry_number = 0 then first_us - duration_s * 1000000 else first_us end as bigint) as started_us,
        case when status <> 'running' then last_us end as ended_us
    from entries

)

select * from final
