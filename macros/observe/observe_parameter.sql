{# A number of seeds/observe_parameters.csv by its name, as a scalar expression. #}
{% macro observe_parameter(name) -%}
    (select parameters.value from {{ ref('observe_parameters') }} as parameters where parameters.name = '{{ name }}')
{%- endmacro %}
