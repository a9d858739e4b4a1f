-- Equality with a constant prunes the other generations' files.
with source as (

    select * from {{ source('private_similarity', 'pairs') }}
    where generation = '{{ run_parameter("generation") }}'

),

pairs as (

    select
        participant_id,
        policy,
        policy_version,
        uri,
        is_in_network,
        candidate_source,
        similarity_personal,
        diversity_score
    from source

)

select * from pairs
