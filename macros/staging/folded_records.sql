{#
  One row per record of a collection, from all that all sources reported of it: the body of a `folded` model.

    collection  NSID; its group in the lake has the same name
    state       what record_state() gives
    facts       what record_facts() gives
    fields      column name -> JSON path in the record; without them the record is kept whole
#}
{% macro folded_records(collection, state, facts, fields={}) %}
{%- set condition = "collection_group = '" ~ collection ~ "' and collection = '" ~ collection ~ "'" -%}
with {% call(rows) folded_rows(ref('base_bluesky__records'), ['did', 'rkey'], state, condition) -%}
    {{ record_operations(rows, fields) }}
{%- endcall %}

select {{ with_facts(['did', 'rkey'], state, facts) }}
from folded
{% endmacro %}
