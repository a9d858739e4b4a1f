{# A number of seeds/serving_parameters.csv by its name, as a scalar expression. #}
{% macro serving_parameter(name) -%}
    (select parameters.value from {{ ref('serving_parameters') }} as parameters where parameters.name = '{{ name }}')
{%- endmacro %}
