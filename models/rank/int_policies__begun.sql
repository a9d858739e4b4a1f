{{ config(post_hook="{{ write_lake_file(
    this, 'feeds', 'generation=' ~ run_parameter('generation') ~ '/inputs', 'begun.parquet', 'policy'
) }}") }}

-- A day is enough: a version that begins while a study runs begins with a day, for all participants at once.
with policies as (

    select
        policy,
        version,
        valid_from,
        first_team_policy,
        second_team_policy
    from {{ ref('ranking_policies') }}
    where valid_from <= {{ utc_day(as_of_us()) }}

),

policies_by_age as (

    select
        *,
        row_number() over (partition by policy order by valid_from desc, version desc) as newest_first
    from policies

)

select
    policy,
    version,
    first_team_policy,
    second_team_policy
from policies_by_age
where newest_first = 1
