{#
  Inverse propensity of a position under the shuffle, for questions about position within ONE arm's feeds (is a post liked
  more because it stands higher?). It refuses to weigh one arm's exposures as if they were another's:

  the propensity is the probability that the shuffle puts a post at a place within its block. A post that the other arm would
  have shown and this one never does has probability 0 here, and no weight brings it back; one that both show has the same
  propensity in both, so the weights would all be near 1 and say nothing. Arms are compared by their random assignment
  (fct_participant_weeks), or position by position through `counterfactual_positions`, which says where a post would have been.

    propensity   column or expression
    arm          arm whose exposures are weighed, as text
    evaluated    arm that the answer is to be about, as text
#}
{% macro shuffle_weight(propensity, arm, evaluated) -%}
    {%- if arm != evaluated -%}
        {{ exceptions.raise_compiler_error(
            "FT_OFF_POLICY: exposures of arm '" ~ arm ~ "' can't be weighed as if they were arm '" ~ evaluated
            ~ "': the propensity covers the shuffle alone. A post that only the other arm shows has probability 0 here. "
            ~ "Compare arms by assignment, in fct_participant_weeks; docs/propensity.md says why."
        ) }}
    {%- endif -%}
    (1 / {{ propensity }})
{%- endmacro %}
