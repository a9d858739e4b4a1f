-- Equality with a constant prunes the other sets' files.
with source as (

    select * from {{ source('similarity', 'similarity_participants') }}
    where set = '{{ run_parameter("similarity_set") }}'

),

nearest as (

    select
        participant_id,
        uri,
        similarity_personal
    from source

)

select * from nearest
