-- Every participant under every policy that any arm has: what each would have been given in another arm is data, too.
with readers as (

    select * from {{ ref('int_participants__policies') }}

),

policies as (

    select * from {{ ref('int_policies__in_force') }}

),

-- The default feed is ranked for its readers, and for participants only where it is an arm's (a holdout's).
policies_of_arms as (

    select distinct
        policy,
        policy_version
    from {{ ref('int_arms__policies') }}
    where arm <> 'default'

),

policies_of_participants as (

    select policies.*
    from policies
    left join policies_of_arms
        on
            policies.policy = policies_of_arms.policy
            and policies.version = policies_of_arms.policy_version
    where policies.policy <> 'default' or policies_of_arms.policy is not null

),

variants as (

    select
        readers.participant_id,
        readers.batch,
        coalesce(policies.policy = readers.policy and policies.version = readers.policy_version, false) as is_served,
        policies.*
    from readers
    inner join policies_of_participants as policies on readers.participant_id <> '_default'
    union all
    select
        readers.participant_id,
        readers.batch,
        true as is_served,
        policies.*
    from readers
    inner join policies
        on
            readers.policy = policies.policy
            and readers.policy_version = policies.version
    where readers.participant_id = '_default'

),

final as (

    select
        row_number() over (order by participant_id, policy, version) as feed_id,
        participant_id,
        batch,
        policy,
        version as policy_version,
        is_served,
        sort_key,
        feed_length_posts,
        author_cap_posts,
        in_network_positions,
        served_before_cap_posts,
        shuffle_block_positions,
        first_team_policy,
        second_team_policy,
        {{ draw_integer(
            ["'" ~ run_parameter('random_seed') ~ "'", 'participant_id', "'" ~ run_parameter('generation') ~ "'", "'offset'"],
            'shuffle_block_positions'
        ) }} as shuffle_offset
    from variants

)

select * from final
