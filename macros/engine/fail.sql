{# An expression, of any type that a number can become, that fails the query that gets to it, with a message. #}
{% macro fail(message) -%}
    {{ return(adapter.dispatch('fail', 'feedtrial')(message)) }}
{%- endmacro %}

{% macro duckdb__fail(message) -%}
    error('{{ message }}')
{%- endmacro %}

{# Trino and Athena name the text that is no number. #}
{% macro default__fail(message) -%}
    cast('{{ message }}' as double)
{%- endmacro %}
