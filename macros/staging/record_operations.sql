{#
  Operations on records, a row each, in the columns that record_state() folds.

    rows    query over base_bluesky__records
    fields  column name -> JSON path in the record, taken out in one pass; without them the record comes whole
#}
{% macro record_operations(rows, fields={}) %}
    select
        did,
        rkey,
        {{ fold_key() }} as latest_key,
        operation as latest_operation,
        event_us as latest_event_us,
        cast(null as varchar) as content_key,
        case when operation <> 'delete' then cid end as cid,
        {%- for field in fields %}
        fields[{{ loop.index }}] as {{ field }},
        {%- else %}
        record,
        {%- endfor %}
        operation = 'create' as is_created,
        operation = 'update' as is_edited,
        is_live,
        verified as is_verified,
        case when operation = 'create' and is_live then event_us end as first_created_live_us,
        case when operation <> 'delete' then event_us end as first_content_us,
        case when is_live then ingested_at end as live_ingested_at,
        case when operation <> 'delete' then ingested_at end as known_us,
        case when operation = 'delete' then ingested_at end as deletion_known_us
    from (
        select
            *
            {%- if fields %},
            {{ json_texts('record', fields.values() | list) }} as fields
            {%- endif %}
        from ({{ rows }}) as operations
    ) as reports
{% endmacro %}
