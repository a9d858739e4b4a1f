{#
  Whether an incremental relation doesn't have a published generation yet. The names are written out as constants, so that
  the engine reads the files of those generations alone.
#}
{% macro is_unseen_generation(relation) -%}
    {%- if target.type != 'duckdb' or not is_incremental() or not execute -%}
        true
    {%- else -%}
        {%- set unseen = run_query(
            'select distinct generation from ' ~ source('published', 'feeds')
            ~ ' where generation not in (select generation from ' ~ relation ~ ')'
        ).columns[0].values() -%}
        generation in (''{% for generation in unseen %}, '{{ generation }}'{% endfor %})
    {%- endif -%}
{%- endmacro %}
