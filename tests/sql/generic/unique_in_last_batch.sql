{#
  Shows keys that stand twice in a folded table: among the rows that the last increment wrote, and where what counts over all
  history is built as well, once a day, among all. Keys are compared by a hash first, which is narrow; only those that share one are
  looked at.
#}
{% test unique_in_last_batch(model, columns) %}

{% set keys = columns | join(', ') %}
{% set of_key = key_hash(columns) %}
{% set whole = run_parameter('history') == 'true' %}

with suspects as (

    select {{ of_key }} as key_hash
    from {{ model }}
    {% if not whole -%}
    where batch = (select max(batch) from {{ model }})
    {% endif -%}
    group by {{ of_key }}
    having count(*) > 1

)

select
    {{ keys }},
    count(*) as rows_of_key
from {{ model }}
where {{ of_key }} in (select suspects.key_hash from suspects)
group by {{ keys }}
having count(*) > 1

{% endtest %}
