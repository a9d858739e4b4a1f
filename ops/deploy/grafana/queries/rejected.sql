-- Events that could not be taken, an hour, by reason.
-- timeseries · events
select
    from_unixtime(floor(ingested_at / 3600000000) * 3600) as time,
    reason,
    count(*) as events
from rejected
where dt >= '${__from:date:YYYY-MM-DD}'
group by 1, 2
order by 1, 2
