-- How toxic, constructive and civic was what participants were served, by arm and week of the study? Means of participants' means:
-- each participant weighs the same, however much they scrolled.
select
    arm,
    study_week,
    count(*) as participants,
    sum(posts) as posts,
    round(avg(toxic_mean), 4) as toxic,
    round(avg(constructive_mean), 4) as constructive,
    round(avg(sociopolitical_share_over_half), 4) as civic_share
from export_participant_weeks
where channel = 'served'
group by arm, study_week
order by arm, study_week
