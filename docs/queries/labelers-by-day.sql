-- Whose word does each day's mean rest on? A labeler that takes over in the middle of a study moves the mean by itself.
select
    event_day,
    label_name,
    labeler,
    labeler_version,
    posts,
    round(mean_score, 4) as mean_score,
    round(posts / cast(sum(posts) over (partition by event_day, label_name) as double), 4) as share_of_day
from export_daily_label_sources
order by event_day, label_name, posts desc, labeler
