{# A text without its links, @names and #tags: what is left is what its author said. #}
{% macro without_links(column) -%}
    {{ return(adapter.dispatch('without_links', 'feedtrial')(column)) }}
{%- endmacro %}

{% macro duckdb__without_links(column) -%}
    case
        when contains({{ column }}, 'http') or contains({{ column }}, 'www.')
            or contains({{ column }}, '@') or contains({{ column }}, '#') or contains({{ column }}, '…')
            then trim(regexp_replace({{ column }}, '(https?://|www\.)\S+|[@#]\S+|\S+\.\S+/\S*…', '', 'g'))
        else {{ column }}
    end
{%- endmacro %}

{% macro default__without_links(column) -%}
    trim(regexp_replace({{ column }}, '(https?://|www\.)\S+|[@#]\S+|\S+\.\S+/\S*…', ''))
{%- endmacro %}
