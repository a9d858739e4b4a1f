{#
  What all statements about one gap (column state) come to, as an aggregate: closed once any says so, whatever order they are dated in.
  A clock that was set back dates an end before its beginning, and a capture that goes over the same events again says
  again that the gap begins.
#}
{% macro gap_state(state) -%}
    case when bool_or({{ state }} = 'closed') then 'closed' else 'open' end
{%- endmacro %}
