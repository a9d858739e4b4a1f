{#
  A text as people read it: composed characters (NFC), no control or zero-width characters, runs of white space as one
  space, none at the ends. Null stays null. Most texts are so already, which one look at each of their characters shows
  (tests/sql/plain_characters_are_standard.sql).
#}
{% macro standardised_text(column) -%}
    {{ return(adapter.dispatch('standardised_text', 'feedtrial')(column)) }}
{%- endmacro %}

{#
  Characters of which a text may be made and be as it should be already: none is composed of others or combines with one before it, none
  is a control character, and the only white space is U+0020. Latin, Greek and Cyrillic letters, punctuation, symbols, kana, Han, Hangul
  syllables, full-width forms and emoji; what is missing here only takes the long way.
#}
{% macro plain_characters() -%}
    {{ return([
        '\\x20-\\x7E', '\\x{A1}-\\x{2FF}', '\\x{388}-\\x{3FF}', '\\x{400}-\\x{482}', '\\x{48A}-\\x{52F}',
        '\\x{2010}-\\x{2027}', '\\x{2030}-\\x{205E}', '\\x{20A0}-\\x{20C0}', '\\x{2100}-\\x{2125}', '\\x{2190}-\\x{2328}',
        '\\x{232B}-\\x{2ADB}', '\\x{3001}-\\x{3029}', '\\x{3041}-\\x{3096}', '\\x{309B}-\\x{30FF}', '\\x{3400}-\\x{4DBF}',
        '\\x{4E00}-\\x{9FFF}', '\\x{AC00}-\\x{D7A3}', '\\x{FE0F}', '\\x{FF01}-\\x{FFEF}', '\\x{1F000}-\\x{1FAFF}'
    ] | join('')) }}
{%- endmacro %}

{% macro duckdb__standardised_text(column) -%}
    case
        when regexp_matches({{ column }}, '[^{{ plain_characters() }}]|  |^ | $') then {{ standardised_text_the_long_way(column) }}
        else {{ column }}
    end
{%- endmacro %}

{% macro standardised_text_the_long_way(column) -%}
    trim(regexp_replace(
        regexp_replace(
            nfc_normalize({{ column }}),
            '[\x00-\x08\x0E-\x1F\x7F\x{200B}\x{200E}\x{200F}\x{202A}-\x{202E}\x{2060}\x{FEFF}]', '', 'g'
        ),
        '[\s\x{00A0}]+', ' ', 'g'
    ))
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
