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

)

select
    arm,
    count(*) as participants,
    min(days) as fewest_days,
    approx_percentile(days, 0.5) as median_days,
    max(days) as most_days,
    round(avg(posts), 1) as mean_posts
from participants
group by arm
order by arm
