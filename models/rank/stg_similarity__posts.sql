-- Equality with a constant prunes the other sets' files.
with source as (

    select * from {{ source('similarity', 'similarity_posts') }}
    where set = '{{ run_parameter("similarity_set") }}'

),

similarities as (

    select
        uri,
        similarity
    from source

)

select * from similarities
