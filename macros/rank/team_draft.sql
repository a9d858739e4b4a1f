{#
  The picks of a team draft, in order: k where the first team picked the item at place k of its list, -k where the second did.
  A team picks the best of its own that is left; the coin of a round says whether the first team (0) or the second (1) has the
  first of its two picks; a team whose list is empty leaves its turn to the other.

  One pass over the turns, with a place in each list. Everything before a team's place is gone, so an item that both teams
  have is gone as soon as the other team's place has passed it.

  first_rivals, second_rivals: lists with, for each place of a team's list, the same item's place in the other team's list, null where
  it isn't there. coins: a list with 0 or 1 a round. wanted: number of picks after which the draft ends.

  Worked example: the first team has a, b, c and the second b, a, d, so first_rivals is [2, 1, null] and second_rivals [2, 1, null]. With coins
  [0, 1]: the first takes a (1), the second b (-1); then the second takes d (-3, as a is gone) and the first c (3).
#}
{% macro team_draft(first_rivals, second_rivals, coins, wanted) -%}
    {{ return(adapter.dispatch('team_draft', 'feedtrial')(first_rivals, second_rivals, coins, wanted)) }}
{%- endmacro %}

{% macro team_draft_turn(state, first_rivals, second_rivals, coins, wanted) -%}
    {%- set firsts = 'coalesce(' ~ list_length(first_rivals) ~ ', 0)' -%}
    {%- set seconds = 'coalesce(' ~ list_length(second_rivals) ~ ', 0)' -%}
    {%- set picks = list_length('draft.picks') -%}
    case
        when {{ picks }} >= {{ wanted }} then draft
        when draft.i <= {{ firsts }} and coalesce({{ item_at(first_rivals, 'draft.i') }} < draft.j, false)
            then {{ state('draft.i + 1', 'draft.j', 'draft.picks') }}
        when draft.j <= {{ seconds }} and coalesce({{ item_at(second_rivals, 'draft.j') }} < draft.i, false)
            then {{ state('draft.i', 'draft.j + 1', 'draft.picks') }}
        when draft.i > {{ firsts }} and draft.j > {{ seconds }} then draft
        when
            draft.j > {{ seconds }}
            or (
                draft.i <= {{ firsts }}
                and ({{ picks }} + {{ item_at(coins, 'cast((' ~ picks ~ ' - ' ~ picks ~ ' % 2) / 2 + 1 as integer)') }}) % 2 = 0
            )
            then {{ state('draft.i + 1', 'draft.j', list_with('draft.picks', 'draft.i')) }}
        else {{ state('draft.i', 'draft.j + 1', list_with('draft.picks', '-draft.j')) }}
    end
{%- endmacro %}

{% macro duckdb__draft_state(i, j, picks) -%}
    {'i': {{ i }}, 'j': {{ j }}, 'picks': {{ picks }}}
{%- endmacro %}

{# list_reduce wants what it passes on to be of the items' type: the items are states that are never looked at. #}
{% macro duckdb__team_draft(first_rivals, second_rivals, coins, wanted) -%}
    {%- set start = "{'i': 1, 'j': 1, 'picks': cast([] as integer[])}" -%}
    list_reduce(
        list_transform(range(coalesce(len({{ first_rivals }}), 0) + coalesce(len({{ second_rivals }}), 0)), lambda turn: {{ start }}),
        lambda draft, turn: {{ team_draft_turn(duckdb__draft_state, first_rivals, second_rivals, coins, wanted) }},
        {{ start }}
    ).picks
{%- endmacro %}

{% macro default__draft_state(i, j, picks) -%}
    cast(row({{ i }}, {{ j }}, {{ picks }}) as row(i integer, j integer, picks array(integer)))
{%- endmacro %}

{% macro default__team_draft(first_rivals, second_rivals, coins, wanted) -%}
    reduce(
        sequence(0, coalesce(cardinality({{ first_rivals }}), 0) + coalesce(cardinality({{ second_rivals }}), 0)),
        {{ default__draft_state('1', '1', 'cast(array[] as array(integer))') }},
        (draft, turn) -> {{ team_draft_turn(default__draft_state, first_rivals, second_rivals, coins, wanted) }},
        draft -> draft.picks
    )
{%- endmacro %}
