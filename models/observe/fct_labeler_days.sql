{{ config(
    tags=['observe'],
    post_hook="{{ write_observation(this, 'labeler_days.parquet', 'labelled_day, labeler, version') }}",
) }}

-- Each observation counts the last days anew; all before them is counted once a day.
with recent as (

    {{ labeler_days(2) | indent(4) }}

),

all_days as (

    select * from recent
    union all
    select * from {{ ref('obs_labels__asks') }}
    where labelled_day < {{ observed_since_day(2) }}

),

final as (

    select
        labelled_day,
        labeler,
        version,
        asks,
        ok,
        failed,
        refused,
        tokens_in,
        tokens_out,
        cost_usd,
        latency_ms_median,
        latency_ms_p95
    from all_days

)

select * from final
