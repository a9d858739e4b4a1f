{#
  Labels in wide form, a row per post and version of its text: int_posts__labels. What was answered later may be preferred now and wasn't
  there then: as if then, labels are chosen anew. Who calls it depends on base_labels__values and label_precedence.
#}
{% macro labels_known_then() -%}
    {%- if (run_parameter('known_at_us') | int) == 0 -%}
    select * from {{ ref('int_posts__labels') }}
    {%- else -%}
    {{ wide_labels(known_then('label_values.labelled_at')) }}
    {%- endif -%}
{%- endmacro %}
