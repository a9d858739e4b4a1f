{# What is in the books of a folded table: a dictionary, or none where it has no books. #}
{% macro read_books(relation) -%}
    {%- set found = run_query(
        "select count(*) from duckdb_tables() where database_name = '" ~ relation.database
        ~ "' and schema_name = 'folding' and table_name = '" ~ relation.identifier ~ "'"
    ).columns[0].values()[0] -%}
    {%- if found == 0 -%}{{ return(none) }}{%- endif -%}
    {%- set rows = run_query(
        'select signature, epoch, batch, read_epoch, read_batch from "' ~ relation.database ~ '".folding."' ~ relation.identifier ~ '"'
    ).rows -%}
    {{ return(none if rows | length == 0 else {
        'signature': rows[0][0], 'epoch': rows[0][1], 'batch': rows[0][2] | int,
        'read_epoch': rows[0][3], 'read_batch': rows[0][4] | int
    }) }}
{%- endmacro %}


{# Stands for a table's SQL, how it folds, and the content of the seeds that it reads. #}
{% macro folding_signature(sql, folds, seeds) -%}
    {%- set parts = [sql, folds | string] -%}
    {%- for seed in seeds -%}
        {%- do parts.append(run_query(
            "select coalesce(md5(string_agg(cast(rows as varchar), chr(10) order by cast(rows as varchar))), '') from " ~ ref(seed) ~ ' as rows'
        ).columns[0].values()[0]) -%}
    {%- endfor -%}
    {{ return(local_md5(parts | join('\n'))) }}
{%- endmacro %}
