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
        arms.version as policy_version,
        arms.feed_length_posts,
        arms.in_network_positions,
        arms.served_before_cap_posts,
        arms.shuffle_block_positions,
        {{ draw_integer(
            ["'" ~ run_parameter('random_seed') ~ "'", 'readers.participant_id', "'" ~ run_parameter('generation') ~ "'", "'offset'"],
            'arms.shuffle_block_positions'
        ) }} as shuffle_offset
    from readers
    inner join arms on readers.arm = arms.arm

)

select * from final
