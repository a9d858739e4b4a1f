-- Time within which half and 99 of 100 pages were made, an hour.
-- timeseries · ms
select
    from_unixtime(floor(served_us / 3600000000) * 3600) as time,
    approx_percentile(latency_us, 0.5) / 1000.0 as median,
    approx_percentile(latency_us, 0.99) / 1000.0 as p99
from exposures
where dt >= '${__from:date:YYYY-MM-DD}'
group by 1
order by 1
