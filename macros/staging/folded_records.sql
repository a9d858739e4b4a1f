{#
  One row per record of a collection, from all that all sources reported of it: the body of a `folded` model.

    state   what record_state() gives
    facts   what record_facts() gives
    fields  column name -> JSON path in the record; without them the record is kept whole
#}
{% macro folded_records(collection, state, facts, fields={}) %}
with operations as (

    {{ record_operations(collection, fields) }}

),

{{ folded_rows('operations', ['did', 'rkey'], state) }}

select {{ with_facts(['did', 'rkey'], state, facts) }}
from folded
{% endmacro %}
