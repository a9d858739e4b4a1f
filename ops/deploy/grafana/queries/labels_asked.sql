-- Answers of labelers, a day, by how they ended.
-- timeseries · answers
select
    from_unixtime(floor(labelled_at / 86400000000) * 86400) as time,
    labeler || ' ' || status as answer,
    count(distinct uri) as posts
from label_values
where dt >= '${__from:date:YYYY-MM-DD}'
group by 1, 2
order by 1, 2
