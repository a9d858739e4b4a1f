{#
  Orders what sources reported about one record; the greatest says what holds. `rev` orders the operations of a
  repository whatever order they came in; where two sources report the same operation, a verified row wins, and the
  rest only makes the order total.
#}
{% macro fold_key() -%}
    rev || ' ' || case when verified then '1' else '0' end || captured_by || ' ' || segment
    || ' ' || lpad(cast(event_us as varchar), 20, '0')
{%- endmacro %}


{# The revision of the repository at the operation that a fold_key() is of. #}
{% macro rev_of(key) -%}
    split_part({{ key }}, ' ', 1)
{%- endmacro %}
