{{ config(post_hook="{{ write_lake_file(
    this, 'feeds', 'generation=' ~ run_parameter('generation') ~ '/inputs', 'last_feed.parquet', 'participant_id, uri'
) }}") }}

-- Equality with a constant prunes the other generations' files.
with published_feeds as (

    select
        participant_id,
        uri
    from {{ source('published', 'feeds') }}
    where generation = '{{ run_parameter("previous_generation") }}'

)

select * from published_feeds
