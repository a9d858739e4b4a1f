{{ config(
    materialized='folded',
    increment_of='int_posts__standardised',
    unique_key=['uri'],
    group_by=['did', 'words_md5'],
    reads=['uri', 'did', 'words_md5', 'event_us'],
    seeds=['filter_parameters'],
) }}

with words_said_again as (

    select {{ key_hash(['did', 'words_md5']) }} as words_hash
    from {{ ref('int_posts__standardised') }}
    where words_md5 is not null
    group by {{ key_hash(['did', 'words_md5']) }}
    having count(*) > 1

),

-- Few posts repeat anything: the others are put in no order.
posts_of_same_words as (

    select
        posts.uri,
        posts.did,
        posts.words_md5,
        posts.event_us,
        lag(posts.event_us) over (
            partition by posts.did, posts.words_md5 order by posts.event_us, posts.uri
        ) as said_before_us,
        count(*) over (partition by posts.did, posts.words_md5) as times_said
    from {{ ref('int_posts__standardised') }} as posts
    inner join words_said_again
        on {{ key_hash(['posts.did', 'posts.words_md5']) }} = words_said_again.words_hash
    where posts.words_md5 is not null

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
where times_said > 1
