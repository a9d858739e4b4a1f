-- A follow that stands twice would put an author's posts twice before a participant.
select
    participant_id,
    author_did
from {{ ref('int_participants__follows') }}
group by participant_id, author_did
having count(*) > 1
