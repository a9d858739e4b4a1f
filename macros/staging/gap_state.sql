{#
  What all statements about one gap (column state) come to, as an aggregate: closed once any says so, whatever order they are dated in.
  A clock that was set back dates an end before its beginning, and a capture that goes over the same events again says
  again that the gap begins.
#}
{% macro gap_state(state) -%}
    case when bool_or({{ state }} = 'closed') then 'closed' else 'open' end
{%- endmacro %}


{#
  When a gap (columns kind, from_us, to_us) begins, as an aggregate over all statements about it; null for a beginning that nobody knows. What was
  before a stream's first start no capture promised: of that gap only its end counts, with which the first hour begins in its middle.
#}
{% macro gap_begins() -%}
    case when bool_or(kind = 'first_start') then max(to_us) else min(from_us) end
{%- endmacro %}
