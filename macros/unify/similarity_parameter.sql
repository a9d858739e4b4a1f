{# A parameter of similarity as a scalar expression, from seeds/similarity_parameters.csv. #}
{% macro similarity_parameter(name) -%}
    (select parameters."value" from {{ ref('similarity_parameters') }} as parameters where parameters.name = '{{ name }}')
{%- endmacro %}
