with participants as (

    select
        participant_id,
        did
    from {{ ref('stg_study__participants') }}
    where status <> 'withdrawn'

),

likes as (

    select
        likes.did,
        likes.subject_uri,
        likes.event_us
    from {{ ref('stg_bluesky__likes') }} as likes
    where {{ stood_then('likes') }}

)

select
    ---------- ids
    participants.participant_id,
    likes.subject_uri as uri,

    ---------- times, microseconds UTC
    min(likes.event_us) as event_us
from participants
inner join likes on participants.did = likes.did
where likes.subject_uri is not null
group by participants.participant_id, likes.subject_uri
