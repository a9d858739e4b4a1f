-- When each stage last succeeded.
-- table · none
select
    stage,
    from_unixtime(max(ts) / 1000000.0) as last_success,
    (to_unixtime(current_timestamp) - max(ts) / 1000000.0) / 60 as minutes_ago
from runs
where dt >= '${__from:date:YYYY-MM-DD}' and status in ('done', 'partial') and stage not like 'probe.%'
group by stage
order by minutes_ago desc, stage
