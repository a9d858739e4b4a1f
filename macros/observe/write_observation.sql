{#
  Post-hook of a model of models/observe whose rows `feedtrial alerts`, `feedtrial dashboard` and Athena read:
  observe/publish=<id>/<file> of the lake. `observe/current.json` moves to that folder once all of them are written.
#}
{% macro write_observation(relation, file, order_by) -%}
    {{ write_lake_file(relation, '', 'observe/publish=' ~ run_parameter('publish_id'), file, order_by) }}
{%- endmacro %}
