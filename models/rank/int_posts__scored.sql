-- Every way of scoring by its sort key: a new one is a file int_scores__<sort_key>.sql and its name in this list.
-- Scores that depend on the participant begin from these and are in int_feeds__personal.
{% set sort_keys = ['recency', 'engagement'] %}

{% for sort_key in sort_keys %}
select
    policy,
    policy_version,
    uri,
    author_did,
    score,
    like_score,
    freshness_score,
    treatment_multiplier,
    superposter_multiplier,
    candidate_source
from {{ ref('int_scores__' ~ sort_key) }}
{% if not loop.last %}union all{% endif %}
{% endfor %}
