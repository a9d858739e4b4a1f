-- Whoever withdraws was assigned and is analysed with what they did until then; feeds are made of the likes of the
-- others alone.
with participants as (

    select
        participant_id,
        did,
        status,
        withdrawn_us
    from {{ ref('stg_study__participants') }}

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

    ---------- booleans
    participants.status = 'withdrawn' as has_withdrawn,

    ---------- times, microseconds UTC
    min(likes.event_us) as event_us
from participants
inner join likes on participants.did = likes.did
where
    likes.subject_uri is not null
    and (participants.withdrawn_us is null or likes.event_us < participants.withdrawn_us)
group by participants.participant_id, likes.subject_uri, participants.status
