{#
  What labelers were asked, how it ended and what it cost, a row per UTC day of asking, labeler and version; with `days`, of so many days before the
  observation and of its own alone.
#}
{% macro labeler_days(days=none) -%}
-- One ask may give several labels, and its cost stands on each of its rows: it is counted once.
-- It went well where any of them is there.
with asks as (

    select
        uri,
        cid,
        labeler,
        version,
        attempt,
        run_id,
        case when bool_or(status = 'ok') then 'ok' else max(status) end as status,
        max(latency_ms) as latency_ms,
        max(tokens_in) as tokens_in,
        max(tokens_out) as tokens_out,
        max(cost_usd) as cost_usd,
        max(labelled_at) as labelled_at
    from {{ ref('stg_labels__values') }}
    {%- if days is not none %}
    -- files are of the day on which they were published
    where
        dt >= {{ observed_since_day(days + 1) }}
        and {{ utc_day('labelled_at') }} >= {{ observed_since_day(days) }}
    {%- endif %}
    group by uri, cid, labeler, version, attempt, run_id

),

final as (

    select
        ---------- what
        {{ utc_day('labelled_at') }} as labelled_day,
        labeler,
        version,

        ---------- numerics
        count(*) as asks,
        count(*) filter (where status = 'ok') as ok,
        count(*) filter (where status = 'failed') as failed,
        count(*) filter (where status in ('refused', 'skipped')) as refused,
        cast(sum(tokens_in) as bigint) as tokens_in,
        cast(sum(tokens_out) as bigint) as tokens_out,
        cast(sum(cast(cost_usd as decimal(18, 9))) as double) as cost_usd,
        {{ percentile('latency_ms', 0.5) }} as latency_ms_median,
        {{ percentile('latency_ms', 0.95) }} as latency_ms_p95
    from asks
    group by {{ utc_day('labelled_at') }}, labeler, version

)

select * from final
{%- endmacro %}
