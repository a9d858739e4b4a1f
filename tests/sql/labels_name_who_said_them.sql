-- A value without its labeler and version, or the other way round, is a value that nobody gave. Of what the last
-- increment wrote; of all rows where what counts over all history is built as well.
{% set condition = 'true' %}
{% if run_parameter('history') != 'true' %}
    {% set condition = 'batch = (select max(last_rows.batch) from ' ~ ref('int_posts__labels') ~ ' as last_rows)' %}
{% endif %}

{% for label in unified_labels() %}
select
    uri,
    cid,
    '{{ label }}' as label_name
from {{ ref('int_posts__labels') }}
where
    {{ condition }}
    and (
        ({{ label }} is null) <> ({{ label }}_labeler is null)
        or ({{ label }} is null) <> ({{ label }}_version is null)
    )
{{ 'union all' if not loop.last }}
{% endfor %}
