{# no_nulls for a folded table: looks at the rows that the last increment wrote; after a full build, at all. #}
{% test no_nulls_in_last_batch(model, columns) %}

select
    {{ columns | join(',\n    ') }}
from {{ model }}
where
    batch = (select max(batch) from {{ model }})
    and (
        {% for column in columns -%}
        {{ 'or ' if not loop.first }}{{ column }} is null
        {% endfor -%}
    )

{% endtest %}
