with source as (

    select * from {{ source('published', 'feeds') }}

),

feeds as (

    select
        ---------- ids
        generation,
        participant_id,
        uri,

        ---------- numerics
        position,
        position_before_shuffle,
        shuffle_offset,
        propensity,
        score,

        ---------- booleans
        is_in_network,
        served_before
    from source

)

select * from feeds
