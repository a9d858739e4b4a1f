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

numbered_readers as (

    select
        readers.participant_id,
        readers.arm,
        arms.policy,
        arms.policy_version,
        row_number() over (order by readers.participant_id) - 1 as reader_number
    from readers
    inner join arms on readers.arm = arms.arm

),

final as (

    select
        participant_id,
        arm,
        policy,
        policy_version,
        cast(
            (reader_number - reader_number % {{ run_parameter('participants_per_batch') }})
            / {{ run_parameter('participants_per_batch') }} as integer
        ) as batch
    from numbered_readers

)

select * from final
