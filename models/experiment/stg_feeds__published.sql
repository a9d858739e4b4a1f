with source as (

    select * from {{ source('published', 'feeds') }}

),

feeds as (

    select
        ---------- ids
        generation,
        participant_id,
        uri,
        author_did,

        ---------- text
        candidate_source,
        credited_policy,
        counterfactual_positions,

        ---------- numerics
        position,
        position_before_shuffle,
        shuffle_offset,
        propensity,
        score,
        toxic,
        constructive,
        sociopolitical,

        ---------- booleans
        is_in_network,
        is_superposter,
        served_before
    from source

)

select * from feeds
