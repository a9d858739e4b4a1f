{#
  The terms of a relation with their weights as one list, by term, for weight_of_terms(): an aggregate over `term` and `weight`.
  A list goes along with each text; a join on what a text contains would compare in a loop, and hold all texts.
#}
{% macro list_of_terms() -%}
    {{ return(adapter.dispatch('list_of_terms', 'feedtrial')()) }}
{%- endmacro %}

{% macro duckdb__list_of_terms() -%}
    list({'term': term, 'weight': weight} order by term)
{%- endmacro %}

{% macro default__list_of_terms() -%}
    array_agg(cast(row(term, weight) as row(term varchar, weight double)) order by term)
{%- endmacro %}


{# Sum of the weights of those terms of a list that stand in a text; 0 where the text is null or the list is empty. #}
{% macro weight_of_terms(column, terms) -%}
    {{ return(adapter.dispatch('weight_of_terms', 'feedtrial')(column, terms)) }}
{%- endmacro %}

{% macro duckdb__weight_of_terms(column, terms) -%}
    coalesce(list_sum(list_transform(
        list_filter({{ terms }}, lambda one: contains({{ column }}, one.term)), lambda one: one.weight
    )), 0)
{%- endmacro %}

{% macro default__weight_of_terms(column, terms) -%}
    coalesce(reduce(
        filter({{ terms }}, one -> strpos({{ column }}, one.term) > 0), 0e0, (total, one) -> total + one.weight, total -> total
    ), 0e0)
{%- endmacro %}
