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


{#
  Pre-hook of a model with weight_of_terms(): tells it the terms of a relation as one pattern beforehand. Few texts hold any of them, and
  one pass for all of them finds out which; without it every text is searched for each. An engine that has no such thing needs none.
#}
{% macro tell_terms(relation) -%}
    {%- if target.type == 'duckdb' -%}
    set variable terms = (select string_agg(regexp_escape(terms.term), '|') from {{ relation }} as terms)
    {%- endif -%}
{%- endmacro %}

{% macro forget_terms() -%}
    {{ 'reset variable terms' if target.type == 'duckdb' }}
{%- endmacro %}


{# Sum of the weights of those terms of a list that stand in a text; 0 where the text is null or the list is empty. #}
{% macro weight_of_terms(column, terms) -%}
    {{ return(adapter.dispatch('weight_of_terms', 'feedtrial')(column, terms)) }}
{%- endmacro %}

{% macro duckdb__weight_of_terms(column, terms) -%}
    case
        when coalesce(regexp_matches({{ column }}, getvariable('terms')), true)
            then coalesce(list_sum(list_transform(
                list_filter({{ terms }}, lambda one: contains({{ column }}, one.term)), lambda one: one.weight
            )), 0)
        else 0
    end
{%- endmacro %}

{% macro default__weight_of_terms(column, terms) -%}
    coalesce(reduce(
        filter({{ terms }}, one -> strpos({{ column }}, one.term) > 0), 0e0, (total, one) -> total + one.weight, total -> total
    ), 0e0)
{%- endmacro %}
