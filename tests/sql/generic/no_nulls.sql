{#
  Shows the rows in which one of the columns is null. One test a model rather than one a column: each test of a build
  costs some 40 ms of processor time whatever it asks.
#}
{% test no_nulls(model, columns) %}

select
    {{ columns | join(',\n    ') }}
from {{ model }}
where
    {% for column in columns -%}
    {{ 'or ' if not loop.first }}{{ column }} is null
    {% endfor %}

{% endtest %}
