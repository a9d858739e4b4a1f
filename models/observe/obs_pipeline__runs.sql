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
    {{ at_latest('status', 'latest') }} as status,
    {{ at_latest('error', 'latest') }} as error,
    {{ at_latest('records', 'latest') }} as records,
    {{ at_latest('duration_s', 'latest') }} as duration_s,
    {{ at_latest('detail', 'latest') }} as detail,
    {{ at_latest('trace_id', 'latest') }} as trace_id,

    ---------- times, microseconds UTC
    min(ts) as started_us,
    max(ts) as last_said_us
from states
group by run_id, dag, stage, host, pid
