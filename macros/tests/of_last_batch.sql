{#
  The condition by which a test of a folded table looks at the rows that the last increment wrote, at none where it wrote nothing; where what
  counts over all history is built as well, once a day, and after a full build, at all.
#}
{% macro of_last_batch(model) -%}
    {%- if run_parameter('history') == 'true' -%}
        {{ return('true') }}
    {%- elif execute and flags.WHICH == 'build' and (read_books(model) or {}).get('written_by', '') != run_parameter('publish_id') -%}
        {{ return('false') }}
    {%- endif -%}
    {{ return('batch = (select max(last_rows.batch) from ' ~ model ~ ' as last_rows)') }}
{%- endmacro %}
