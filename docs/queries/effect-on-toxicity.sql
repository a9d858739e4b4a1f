-- Each arm against reverse_chronological: the difference of participants' mean toxicity of what they were served, with its
-- standard error (unequal variances) and a 95 % interval by the normal approximation.
with participants as (

    select
        arm,
        participant_pseudonym,
        sum(toxic_mean * toxic_labelled) / sum(toxic_labelled) as toxic
    from export_participant_days
    where channel = 'served' and toxic_labelled > 0
    group by arm, participant_pseudonym

),

arms as (

    select
        arm,
        count(*) as participants,
        avg(toxic) as mean_toxic,
        coalesce(var_samp(toxic), 0) / count(*) as squared_error
    from participants
    group by arm

)

select
    arms.arm,
    arms.participants,
    round(arms.mean_toxic, 4) as mean_toxic,
    round(arms.mean_toxic - control.mean_toxic, 4) as difference,
    round(sqrt(arms.squared_error + control.squared_error), 4) as standard_error,
    round(arms.mean_toxic - control.mean_toxic - 1.96 * sqrt(arms.squared_error + control.squared_error), 4) as from_difference,
    round(arms.mean_toxic - control.mean_toxic + 1.96 * sqrt(arms.squared_error + control.squared_error), 4) as to_difference
from arms
cross join (select * from arms where arm = 'reverse_chronological') as control
order by arms.arm
