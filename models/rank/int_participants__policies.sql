{{ config(post_hook="{{ write_lake_file(
    this, 'feeds', 'generation=' ~ run_parameter('generation') ~ '/inputs', 'participants.parquet', 'participant_id'
) }}") }}

with participants as (

    select
        participant_id,
        arm
    from {{ ref('stg_study__participants') }}
    where status = 'active'

),

readers as (

    select * from participants
    union all
    select
        '_default' as participant_id,
        'default' as arm

),

arms as (

    select * from {{ ref('int_arms__policies') }}

),

final as (

    select
        readers.participant_id,
        readers.arm,
        arms.policy,
        arms.policy_version
    from readers
    inner join arms on readers.arm = arms.arm

)

select * from final
