-- What was the whole network like on each day: the level that arms are to be read against?
select
    event_day,
    posts,
    round(superposter_share, 4) as superposter_share,
    round(toxic_mean, 4) as toxic,
    round(constructive_mean, 4) as constructive,
    round(sociopolitical_share_over_half, 4) as civic_share,
    round(toxic_labelled / cast(posts as double), 4) as labelled_share
from export_baseline_days
where posts > 0
order by event_day
