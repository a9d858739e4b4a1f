{#
  A number of 64 bits for some columns, nulls among them: the same key has the same number within one query, two keys may share one. For
  finding which few of millions of wide keys have to be looked at exactly; an engine's own and never kept.
#}
{% macro key_hash(columns) -%}
    {{ return(adapter.dispatch('key_hash', 'feedtrial')(columns)) }}
{%- endmacro %}

{% macro duckdb__key_hash(columns) -%}
    hash({{ columns | join(', ') }})
{%- endmacro %}

{% macro default__key_hash(columns) -%}
    from_big_endian_64(xxhash64(to_utf8(
        {%- for column in columns -%}
        {{ " || '|' || " if not loop.first }}coalesce(cast({{ column }} as varchar), '')
        {%- endfor -%}
    )))
{%- endmacro %}
