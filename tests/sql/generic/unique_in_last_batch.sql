{#
  Shows keys that stand twice in a folded table, looking at those alone that the last increment wrote; after a full
  build, at all. (Over ten million rows the whole table costs seven CPU-seconds, every hour.)
#}
{% test unique_in_last_batch(model, columns) %}

with last_batch as (

    select max(batch) as batch from {{ model }}

),

written_keys as (

    select distinct {{ columns | join(', ') }}
    from {{ model }}
    where batch = (select last_batch.batch from last_batch)

)

select
    {{ columns | join(', ') }},
    count(*) as rows_of_key
from {{ model }}
where ({{ columns | join(', ') }}) in (select ({{ columns | join(', ') }}) from written_keys)
group by {{ columns | join(', ') }}
having count(*) > 1

{% endtest %}
