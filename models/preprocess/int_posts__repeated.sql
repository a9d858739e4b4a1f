{{ config(
    materialized='folded',
    increment_of='int_posts__standardised',
    unique_key=['uri'],
    group_by=['did', 'words_md5'],
    seeds=['filter_parameters'],
) }}

with posts_of_same_words as (

    select
        uri,
        did,
        words_md5,
        event_us,
        lag(event_us) over (partition by did, words_md5 order by event_us, uri) as said_before_us
    from {{ ref('int_posts__standardised') }}
    where words_md5 is not null

)

select
    ---------- ids
    uri,
    did,
    words_md5,

    ---------- booleans
    coalesce(
        event_us - said_before_us <= {{ filter_parameter('duplicate_window_hours') }} * 3600000000, false
    ) as is_repeated,

    ---------- times, microseconds UTC
    said_before_us
from posts_of_same_words
