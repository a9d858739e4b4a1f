{#
  The moment that a timestamp identifier (TID) was made of, microseconds UTC, from the clock of whoever made it: eleven
  digits to base 32, and two more that tell apart those of one microsecond. Null where a record key is none.
#}
{% macro key_time_us(rkey) -%}
    {%- set digits = '234567abcdefghijklmnopqrstuvwxyz' -%}
    case
        when
            length({{ rkey }}) = 13
            and least(
                {%- for place in range(1, 14) %}
                strpos('{{ digits }}', substr({{ rkey }}, {{ place }}, 1)){{ ',' if not loop.last }}
                {%- endfor %}
            ) > 0
            then
                {%- for place in range(1, 12) %}
                {{ '+ ' if not loop.first }}(strpos('{{ digits }}', substr({{ rkey }}, {{ place }}, 1)) - 1) * {{ 32 ** (11 - place) }}
                {%- endfor %}
    end
{%- endmacro %}
