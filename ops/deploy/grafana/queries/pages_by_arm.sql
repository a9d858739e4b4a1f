-- Pages that were sent to participants, an hour, by arm; names are masked.
-- timeseries · pages
select
    from_unixtime(floor(served_us / 3600000000) * 3600) as time,
    'arm ' || substr(lower(to_hex(md5(to_utf8(arm_assigned)))), 1, 4) as arm,
    count(distinct req_id) as pages
from exposures
where dt >= '${__from:date:YYYY-MM-DD}' and arm_assigned is not null
group by 1, 2
order by 1, 2
