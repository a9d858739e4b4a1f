{#
  One row per record of a collection, from all that all sources reported of it: the body of a `folded` model.

    state   what record_state() gives
    fields  column name -> JSON path in the record; without them the record is kept whole
#}
{% macro folded_records(collection, state, fields={}) %}
with operations as (

    {{ record_operations(collection, fields) }}

)

select
    did,
    rkey,
    {{ folded_columns(state) }}
from operations
group by did, rkey
{% endmacro %}
