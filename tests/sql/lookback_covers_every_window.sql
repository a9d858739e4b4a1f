-- The bounds that let an engine leave old rows unread decide nothing by themselves, as long as no window of the seeds
-- reaches further back than they do. Rows are windows that do.
select
    name,
    value
from {{ ref('filter_parameters') }}
where
    (name = 'max_age_hours' and value > {{ run_parameter('lookback_hours') }})
    or (
        name = 'superposter_window_days'
        and value * 24 > {{ run_parameter('superposter_lookback_hours') }}
    )
