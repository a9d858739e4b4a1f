{{ config(
    materialized='folded',
    increment_of='int_posts__standardised',
    unique_key=['uri'],
    group_by=['did', 'words_md5'],
    reads=['uri', 'did', 'words_md5', 'event_us'],
    reach={'column': 'event_us', 'hours': 'duplicate_window_hours'},
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
        lead(posts.event_us) over (
            partition by posts.did, posts.words_md5 order by posts.event_us, posts.uri
        ) as said_after_us
    from {{ ref('int_posts__standardised') }} as posts
    inner join words_said_again
        on {{ key_hash(['posts.did', 'posts.words_md5']) }} = words_said_again.words_hash
    where posts.words_md5 is not null

),

parameters as (

    select {{ filter_parameter('duplicate_window_hours') }} * 3600000000 as duplicate_window_us

),

posts_with_verdicts as (

    select
        posts_of_same_words.*,
        coalesce(
            posts_of_same_words.event_us - posts_of_same_words.said_before_us <= parameters.duplicate_window_us, false
        ) as is_repeated,
        coalesce(
            posts_of_same_words.said_after_us - posts_of_same_words.event_us <= parameters.duplicate_window_us, false
        ) as is_said_again
    from posts_of_same_words
    cross join parameters

)

select
    ---------- ids
    uri,
    did,
    words_md5,

    ---------- booleans
    is_repeated,

    ---------- times, microseconds UTC
    event_us,
    case when is_repeated then said_before_us end as said_before_us
from posts_with_verdicts
-- what is said again is kept as well: whoever repeats it is told apart from it, should it go
where is_repeated or is_said_again
