-- Pages that were sent, an hour, by why a reader got what they got.
-- timeseries · pages
select
    from_unixtime(floor(served_us / 3600000000) * 3600) as time,
    coalesce(fallback_reason, 'personal') as why,
    count(distinct req_id) as pages
from exposures
where dt >= '${__from:date:YYYY-MM-DD}'
group by 1, 2
order by 1, 2
