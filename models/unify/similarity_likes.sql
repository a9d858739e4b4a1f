-- Likes are public, so who liked what gives a participant away: the file goes to the private lake.
{{ config(
    materialized='table',
    tags=['queue'],
    post_hook="{{ write_lake_file(
        this, '', 'queue/publish=' ~ run_parameter('publish_id'), 'similarity_likes.parquet', 'participant_id, uri', lake='FEEDTRIAL_PRIVATE_LAKE'
    ) }}",
) }}

with likes as (

    select
        participant_id,
        uri,
        event_us,
        row_number() over (partition by participant_id order by event_us desc, uri asc) as latest_first
    from {{ ref('int_participants__likes') }}
    where not has_withdrawn

),

final as (

    select
        participant_id,
        uri,
        round(
            power(
                cast(0.5 as double),
                ({{ as_of_us() }} - event_us) / cast(86400000000 as double)
                / {{ similarity_parameter('like_half_life_days') }}
            ),
            9
        ) as weight
    from likes
    where latest_first <= {{ similarity_parameter('participant_likes') }}

)

select * from final
