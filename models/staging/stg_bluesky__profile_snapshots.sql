with source as (

    select * from {{ source('raw', 'profiles') }}

),

profile_snapshots as (

    select
        ---------- ids
        did,
        handle,

        ---------- numerics
        followers,
        follows,
        posts,

        ---------- text
        profile,

        ---------- times, microseconds UTC
        event_us

    from source

)

select * from profile_snapshots
