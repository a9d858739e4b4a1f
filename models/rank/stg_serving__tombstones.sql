with source as (

    select * from {{ source('serving', 'tombstones') }}

),

tombstones as (

    select
        ---------- ids
        did,
        uri,

        ---------- text
        kind,
        reason,

        ---------- booleans
        hidden as is_hidden,

        ---------- times, microseconds UTC
        event_us
    from source

)

select * from tombstones
