-- What labelers cost, a UTC day. An answer has a row for each label, and its cost once.
-- timeseries · currencyUSD
select
    from_unixtime(floor(labelled_at / 86400000000) * 86400) as time,
    labeler,
    sum(cost_usd) as cost
from (
    select
        uri,
        labeler,
        version,
        attempt,
        run_id,
        min(labelled_at) as labelled_at,
        max(cost_usd) as cost_usd
    from label_values
    where dt >= '${__from:date:YYYY-MM-DD}' and cost_usd is not null
    group by uri, labeler, version, attempt, run_id
) as answers
group by 1, 2
order by 1, 2
