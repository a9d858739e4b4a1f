-- Operations of the network, an hour: what came in live, and how much of it was verified.
-- timeseries · operations
select
    from_unixtime(floor(event_us / 3600000000) * 3600) as time,
    count(*) as operations,
    sum(case when verified then 1 else 0 end) as verified
from records
where dt >= '${__from:date:YYYY-MM-DD}' and live
group by 1
order by 1
