with source as (

    select * from {{ source('raw', 'interactions') }}

),

interactions as (

    select
        ---------- ids
        req_id,
        participant_id,
        study,
        uri,

        ---------- text
        event,
        client,

        ---------- booleans
        context_valid,

        ---------- times, microseconds UTC
        received_us
    from source

)

select * from interactions
