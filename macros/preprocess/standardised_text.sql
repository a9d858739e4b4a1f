{#
  A text as people read it: composed characters (NFC), no control or zero-width characters, runs of white space as one
  space, none at the ends. Null stays null. The expensive replacements run only where a cheap test says that they
  would change something.
#}
{% macro standardised_text(column) -%}
    {{ return(adapter.dispatch('standardised_text', 'feedtrial')(column)) }}
{%- endmacro %}

{% macro duckdb__standardised_text(column) -%}
    trim(case
        when regexp_matches({{ column }}, '[\x00-\x1F\x7F\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}\x{FEFF}\x{00A0}]|  ')
            then regexp_replace(
                regexp_replace(
                    nfc_normalize({{ column }}),
                    '[\x00-\x08\x0E-\x1F\x7F\x{200B}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2060}\x{FEFF}]', '', 'g'
                ),
                '[\s\x{00A0}]+', ' ', 'g'
            )
        else nfc_normalize({{ column }})
    end)
{%- endmacro %}

{% macro default__standardised_text(column) -%}
    trim(regexp_replace(
        regexp_replace(
            normalize({{ column }}, NFC),
            '[\x00-\x08\x0E-\x1F\x7F\x{200B}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2060}\x{FEFF}]', ''
        ),
        '[\s\x{00A0}]+', ' '
    ))
{%- endmacro %}
