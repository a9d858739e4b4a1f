{#
  Labels in wide form, a row per post and version of its text: of the answers that a condition leaves (over `label_values`, an alias of
  base_labels__values), the one that the run's label profile prefers. Without a condition it is what int_posts__labels keeps.
#}
{% macro wide_labels(condition='true') -%}
with {{ label_precedence() }},

{{ chosen_labels(condition) }}

-- A label that nobody gave is null: the least place of no rows.
select
    {%- for label in unified_labels() %}
    chosen_labels.{{ label }},
    {{ label }}_source.labeler as {{ label }}_labeler,
    {{ label }}_source.version as {{ label }}_version,
    chosen_labels.{{ label }}_labelled_at,
    {%- endfor %}
    chosen_labels.uri,
    chosen_labels.cid,
    {{ rkey_of('chosen_labels.uri') }} as rkey
from chosen_labels
{{ label_sources() }}
{%- endmacro %}
