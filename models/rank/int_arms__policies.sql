{{ config(post_hook="{{ write_lake_file(
    this, 'feeds', 'generation=' ~ run_parameter('generation') ~ '/inputs', 'arms.parquet', 'arm'
) }}") }}

with arms as (

    select
        arm,
        case
            when status = 'closed' and members_get_policy is not null then members_get_policy
            else policy
        end as policy,
        -- A pin speaks of the arm's own policy.
        case
            when status = 'closed' and members_get_policy is not null then null
            else policy_version
        end as pinned_version
    from {{ ref('arms') }}

),

arms_and_default as (

    select * from arms
    union all
    select
        'default' as arm,
        'default' as policy,
        cast(null as varchar) as pinned_version

),

policies as (

    select * from {{ ref('ranking_policies') }}

),

begun as (

    select * from {{ ref('int_policies__begun') }}

),

final as (

    select
        arms_and_default.arm,
        policies.policy,
        policies.version as policy_version
    from arms_and_default
    left join begun on arms_and_default.policy = begun.policy
    inner join policies
        on
            arms_and_default.policy = policies.policy
            and coalesce(arms_and_default.pinned_version, begun.version) = policies.version

)

select * from final
