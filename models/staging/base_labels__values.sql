{# A post that was asked twice keeps the first answer: a feed can be rebuilt from what it was ranked on. #}
{% set key = ['uri', 'cid', 'labeler', 'version', 'label'] %}
{% set first = 'row(labelled_at, run_id, attempt, coalesce(score, -1), coalesce(text_value, \'\'))' %}
{% set folds = {
    'score': at_first('score', first) | trim,
    'text_value': at_first('text_value', first) | trim,
    'run_id': at_first('run_id', first) | trim,
    'attempt': at_first('attempt', first) | trim,
    'labelled_at': at_first('labelled_at', first) | trim,
} %}
{% set facts = {'rkey': rkey_of('uri')} %}
{{ config(
    materialized='folded',
    increment_of='stg_labels__values',
    unique_key=key,
    folds=folds,
    facts=facts,
    pruned_by='rkey',
) }}

{% set condition = "status = 'ok' and (score is not null or text_value is not null)" %}

with {% call(rows) folded_rows(ref('stg_labels__values'), key, folds, condition) -%}
    {{ rows }}
{%- endcall %}

select {{ with_facts(key, folds, facts) }}
from folded
