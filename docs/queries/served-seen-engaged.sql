-- Of what was served, how much was seen and engaged with, by arm and day? Seen is what the app reported: a client that reports nothing
-- counts as served alone.
select
    event_day,
    arm,
    sum(case when channel = 'served' then posts else 0 end) as served,
    sum(case when channel = 'seen' then posts else 0 end) as seen,
    sum(case when channel = 'engaged' then posts else 0 end) as engaged,
    round(
        sum(case when channel = 'seen' then posts else 0 end)
        / cast(nullif(sum(case when channel = 'served' then posts else 0 end), 0) as double), 4
    ) as seen_share
from export_participant_days
where event_day >= '2026-01-01'
group by event_day, arm
order by event_day, arm
