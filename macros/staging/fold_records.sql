{#
  One row per record of a collection, from all that all sources reported of it, for records of a few short fields: the
  fields are taken out before folding, in one pass. (Posts are wide, and fold their keys first.)

    collection  NSID; its group in the lake has the same name
    fields      column name -> JSON path in the record

  Columns: uri, cid, did, rkey, the fields, event_us, deleted_us (null while the record stands), is_live, is_verified.
  A deleted record keeps its last fields, so that its effect can be taken back as of any time; one whose creation
  nobody reported has no row.
#}
{% macro fold_records(collection, fields) %}
    select
        'at://' || did || '/{{ collection }}/' || rkey as uri,
        {{ at_latest('cid', 'fold_key') }} filter (where operation <> 'delete') as cid,
        did,
        rkey,
        {%- for field in fields %}
        {{ at_latest('fields[' ~ loop.index ~ ']', 'fold_key') }} filter (where operation <> 'delete') as {{ field }},
        {%- endfor %}
        {{ first_witnessed_us() }} as event_us,
        case
            when {{ at_latest('operation', 'fold_key') }} = 'delete' then {{ at_latest('event_us', 'fold_key') }}
        end as deleted_us,
        bool_or(is_live) as is_live,
        bool_or(verified) as is_verified
    from (
        select
            did,
            rkey,
            operation,
            cid,
            event_us,
            is_live,
            verified,
            {{ fold_key() }} as fold_key,
            {{ json_texts('record', fields.values() | list) }} as fields
        from {{ ref('base_bluesky__records') }}
        where collection_group = '{{ collection }}' and collection = '{{ collection }}'
    ) as operations
    group by did, rkey
    having count(*) filter (where operation <> 'delete') > 0
{% endmacro %}
