-- On how many days was each participant served anything, and how much: dose by arm. Who has no row was never served.
with participants as (

    select
        arm,
        participant_pseudonym,
        count(distinct event_day) as days,
        sum(posts) as posts
    from export_participant_days
    where channel = 'served'
    group by arm, participant_pseudonym

),

-- Engines have no median in common: it is the mean of the one or two in the middle.
places as (

    select
        *,
        row_number() over (partition by arm order by days, participant_pseudonym) as place,
        count(*) over (partition by arm) as participants
    from participants

)

select
    arm,
    count(*) as participants,
    min(days) as fewest_days,
    avg(case when 2 * place between participants and participants + 2 then days end) as median_days,
    max(days) as most_days,
    round(avg(posts), 1) as mean_posts
from places
group by arm
order by arm
