{#
  The published generations that a relation doesn't have yet, as a list of text literals: constants, so that the engine reads
  the files of those alone. Never empty, which SQL refuses.
#}
{% macro generations_not_in(relation) -%}
    {%- if not execute -%}
        ''
    {%- else -%}
        {%- set unseen = run_query(
            'select distinct generation from ' ~ source('published', 'feeds')
            ~ ' where generation not in (select generation from ' ~ relation ~ ')'
        ).columns[0].values() -%}
        ''{% for generation in unseen %}, '{{ generation }}'{% endfor %}
    {%- endif -%}
{%- endmacro %}
