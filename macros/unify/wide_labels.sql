{#
  Labels in wide form, a row per post and version of its text: of the answers that a condition leaves (over `label_values`, an alias of
  base_labels__values), the one that the run's label profile prefers. Without a condition it is what int_posts__labels keeps.
#}
{% macro wide_labels(condition='true') -%}
with precedence as (

    select
        precedence.label as unified_label,
        precedence.labeler,
        precedence.source_label,
        precedence.priority,
        labelers.version
    from {{ ref('label_precedence') }} as precedence
    inner join {{ ref('labelers') }} as labelers
        on precedence.labeler = labelers.labeler
    where precedence.profile = '{{ run_parameter("label_profile") }}'

),

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
    chosen_labels.cid
from chosen_labels
{{ label_sources() }}
{%- endmacro %}
