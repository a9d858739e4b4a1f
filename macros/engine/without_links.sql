{#
  A text without its links, @names and #tags: what is left is what its author said. A link is an address with http:// or www., one that a client
  has cut (`apnews.com/article/trump-t...`, or with `…`), or a name with a path (`youtu.be/dQw4w9WgXcQ`): so do clients write what a facet
  points to.
#}
{% macro without_links(column) -%}
    {{ return(adapter.dispatch('without_links', 'feedtrial')(column)) }}
{%- endmacro %}

{% macro pattern_of_links() -%}
    '(https?://|www\.)\S+|[@#]\S+|\S+\.\S+/\S*(…|\.\.\.)|(^|\s)([a-z0-9-]+\.)+[a-z]{2,}/\S+'
{%- endmacro %}

{# Most texts have none of it, which is cheaper to see. #}
{% macro duckdb__without_links(column) -%}
    case
        when contains({{ column }}, '/') or contains({{ column }}, 'www.')
            or contains({{ column }}, '@') or contains({{ column }}, '#')
            then trim(regexp_replace({{ column }}, {{ pattern_of_links() }}, '', 'g'))
        else {{ column }}
    end
{%- endmacro %}

{% macro default__without_links(column) -%}
    trim(regexp_replace({{ column }}, {{ pattern_of_links() }}, ''))
{%- endmacro %}
