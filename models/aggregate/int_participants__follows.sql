with participants as (

    select
        participant_id,
        did
    from {{ ref('stg_study__participants') }}
    where status <> 'withdrawn'

),

follows as (

    select
        follows.did,
        follows.subject_did
    from {{ ref('stg_bluesky__follows') }} as follows
    where {{ stood_then('follows') }}

)

select distinct
    participants.participant_id,
    follows.subject_did as author_did
from participants
inner join follows on participants.did = follows.did
where follows.subject_did is not null
