-- How long stages took.
-- timeseries · s
select
    from_unixtime(ts / 1000000.0) as time,
    stage,
    duration_s
from runs
where
    dt >= '${__from:date:YYYY-MM-DD}' and status in ('done', 'partial')
    and stage in ('land', 'transform', 'enrich', 'rank', 'observe', 'export', 'backup')
order by 1, 2
