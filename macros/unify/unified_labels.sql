{# The labels that a unified post has in wide form; seeds/label_precedence.csv says where each comes from. #}
{% macro unified_labels() -%}
    {{ return(['toxic', 'constructive', 'sociopolitical', 'moral_outrage']) }}
{%- endmacro %}
