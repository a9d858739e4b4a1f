-- Capture lag: time since the newest event that was witnessed live.
-- stat · s
select (to_unixtime(current_timestamp) - max(event_us) / 1000000.0) as lag
from records
where dt >= '${__from:date:YYYY-MM-DD}' and live
