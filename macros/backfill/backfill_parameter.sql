{# A number of seeds/backfill_parameters.csv by its name, as a scalar expression. #}
{% macro backfill_parameter(name) -%}
    (select parameters.value from {{ ref('backfill_parameters') }} as parameters where parameters.name = '{{ name }}')
{%- endmacro %}
