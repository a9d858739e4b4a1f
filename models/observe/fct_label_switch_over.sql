{{ config(
    tags=['observe'],
    post_hook="{{ write_observation(this, 'label_switch_over.parquet', 'unified_label, from_labeler, from_label, to_labeler, to_label') }}",
) }}

select
    ---------- what
    unified_label,
    from_labeler,
    from_label,
    to_labeler,
    to_label,

    ---------- double labels
    posts,
    labelled_days,
    round(labelled_days / cast(7 as double), 6) as labelled_weeks,
    cast({{ observe_parameter('switch_over_days') }} as double) as wanted_days,
    first_day,
    last_day,
    is_enough,

    ---------- the shift
    from_mean,
    to_mean,
    mean_shift,
    from_median,
    to_median,
    from_p90,
    to_p90,
    from_share_over_half,
    to_share_over_half,
    ks_distance,
    spearman
from {{ ref('obs_labels__switch_over') }}
