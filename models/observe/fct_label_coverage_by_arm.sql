{{ config(
    tags=['observe'],
    post_hook="{{ write_observation(this, 'label_coverage_by_arm.parquet', 'arm, policy_served, used_for, wanted_label') }}",
) }}

select
    ---------- what
    arm,
    policy_served,
    used_for,
    wanted_label,

    ---------- numerics
    posts,
    labelled,
    coverage
from {{ ref('obs_labels__coverage_by_arm') }}
