-- A value without its labeler and version, or the other way round, is a value that nobody gave.
{% for label in unified_labels() %}
select
    uri,
    cid,
    '{{ label }}' as label_name
from {{ ref('int_posts__labels') }}
where
    {{ of_last_batch(ref('int_posts__labels')) }}
    and (
        ({{ label }} is null) <> ({{ label }}_labeler is null)
        or ({{ label }} is null) <> ({{ label }}_version is null)
    )
{{ 'union all' if not loop.last }}
{% endfor %}
