-- How stages ended, an hour.
-- timeseries · runs
select
    from_unixtime(floor(ts / 3600000000) * 3600) as time,
    stage || ' ' || status as ended,
    count(*) as runs
from runs
where dt >= '${__from:date:YYYY-MM-DD}' and status <> 'running' and stage not like 'probe.%'
group by 1, 2
order by 1, 2
