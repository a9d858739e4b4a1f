{# A number of seeds/filter_parameters.csv by its name, as a scalar expression. #}
{% macro filter_parameter(name) -%}
    (select parameters.value from {{ ref('filter_parameters') }} as parameters where parameters.name = '{{ name }}')
{%- endmacro %}
