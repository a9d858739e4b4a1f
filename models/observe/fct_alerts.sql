{{ config(
    tags=['observe'],
    post_hook="{{ write_observation(this, 'alerts.parquet', 'severity, rule, subject') }}",
) }}

with measured as (

    select * from {{ ref('int_alerts__measured') }}

),

rules as (

    select * from {{ ref('alert_rules') }}

),

-- An age went over its threshold when it did; of another number only the rule knows since when.
final as (

    select
        ---------- what
        rules.rule,
        measured.subject,
        rules.severity,

        ---------- numerics
        round(cast(measured.measured_value as double), 6) as measured_value,
        rules.threshold,
        rules.unit,

        ---------- text
        measured.detail,
        rules.watches,
        rules.what_to_do,
        'docs/runbook/' || rules.rule || '.md' as runbook,

        ---------- times, microseconds UTC
        coalesce(
            measured.since_us,
            case
                when rules.unit = 'seconds'
                    then {{ observed_us() }} - cast((measured.measured_value - rules.threshold) * 1000000 as bigint)
                else {{ observed_us() }}
            end
        ) as since_us,
        {{ observed_us() }} as observed_us
    from measured
    inner join rules on measured.rule = rules.rule
    where measured.measured_value > rules.threshold

)

select * from final
