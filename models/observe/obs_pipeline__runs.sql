with states as (

    select
        *,
        row(ts, case when status = 'running' then 0 else 1 end, segment) as latest
    from {{ source('raw', 'runs') }}

)

select
    ---------- ids
    run_id,
    dag,
    stage,
    host,
    pid,

    ---------- how it ended
    max_by(status, latest) as status,
    max_by(error, latest) as error,
    max_by(records, latest) as records,
    max_by(duration_s, latest) as duration_s,
    max_by(detail, latest) as detail,
    max_by(trace_id, latest) as trace_id,

    ---------- times, microseconds UTC
    min(ts) as started_us,
    max(ts) as last_said_us
from states
group by run_id, dag, stage, host, pid
