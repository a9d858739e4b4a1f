{# What is in the books of a folded table: a dictionary, or none where it has no books. #}
{% macro read_books(relation) -%}
    {%- set found = run_query(
        "select count(*) from duckdb_tables() where database_name = '" ~ relation.database
        ~ "' and schema_name = 'folding' and table_name = '" ~ relation.identifier ~ "'"
    ).columns[0].values()[0] -%}
    {%- if found == 0 -%}{{ return(none) }}{%- endif -%}
    {%- set books = run_query('select * from "' ~ relation.database ~ '".folding."' ~ relation.identifier ~ '"') -%}
    {%- if books.rows | length == 0 -%}{{ return(none) }}{%- endif -%}
    {%- set row = books.rows[0] -%}
    {{ return({
        'signature': row['signature'], 'epoch': row['epoch'], 'batch': row['batch'] | int, 'read_epoch': row['read_epoch'],
        'read_batch': row['read_batch'] | int, 'written_by': row['written_by'] if 'written_by' in books.column_names else ''
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
