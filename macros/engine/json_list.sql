{#
  The texts that a path with wildcards finds in JSON, as a list; null where the JSON is null or is none (a record
  may have a bare word where its lexicon asks for a list), empty where nothing matches. Trino's JSONPath has the same wildcards under json_query.
#}
{% macro json_list(column, path) -%}
    {{ return(adapter.dispatch('json_list', 'feedtrial')(column, path)) }}
{%- endmacro %}

{% macro duckdb__json_list(column, path) -%}
    try(json_extract_string({{ column }}, '{{ path }}'))
{%- endmacro %}

{# A lax path takes what is no list for a list of one, which DuckDB doesn't; a strict one fails where a single item lacks a key. #}
{% macro default__json_list(column, path) -%}
    case
        when starts_with(ltrim({{ column }}), '[')
            then transform(
                cast(json_parse(
                    json_query({{ column }}, 'lax {{ path }}' with array wrapper empty array on empty)
                ) as array(json)),
                one -> if(json_format(one) <> 'null', coalesce(json_extract_scalar(one, '$'), json_format(one)))
            )
        when try(json_parse({{ column }})) is not null then cast(array[] as array(varchar))
    end
{%- endmacro %}
