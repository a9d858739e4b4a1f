{{ config(
    tags=['observe'],
    post_hook="{{ write_observation(this, 'probes.parquet', 'read_us, run_id, probe, subject, host') }}",
) }}

-- What an observation read off the machine itself: a run record each, with its number in the detail.
with readings as (

    select
        *,
        {{ json_texts('detail', ['$.probe', '$.subject', '$.value', '$.unit', '$.reason']) }} as facts
    from {{ ref('fct_pipeline_runs') }}
    where stage like 'probe.%'

),

final as (

    select
        ---------- ids
        run_id,
        host,
        facts[1] as probe,
        coalesce(facts[2], '') as subject,

        ---------- what was read
        status = 'done' as is_ok,
        try_cast(facts[3] as double) as measured_value,
        facts[4] as unit,
        facts[5] as reason,

        ---------- times, microseconds UTC
        ended_us as read_us
    from readings

)

select * from final
