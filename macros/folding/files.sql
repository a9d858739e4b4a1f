{# The SQL of a view, as the engine keeps it. #}
{% macro view_text(relation) -%}
    {%- set found = run_query(
        "select sql from duckdb_views() where database_name = '" ~ relation.database ~ "' and schema_name = '" ~ relation.schema
        ~ "' and view_name = '" ~ relation.identifier ~ "'"
    ).columns[0].values() -%}
    {{ return(found[0] if found | length > 0 else '') }}
{%- endmacro %}


{% macro is_view_over_files(relation) -%}
    {{ return("read_parquet('" in view_text(relation)) }}
{%- endmacro %}


{# The pattern of the files that a view reads; `partition` narrows it to one value of its first partition key. #}
{% macro files_of_view(relation, partition) -%}
    {%- set pattern = view_text(relation).split("read_parquet('")[1].split("'")[0] -%}
    {{ return(pattern.replace('/*/', '/' ~ partition ~ '/', 1) if partition else pattern) }}
{%- endmacro %}


{# The body of a view, over these files alone. (A condition on `filename` would open the footers of all.) #}
{% macro view_over(relation, files) -%}
    {%- set text = view_text(relation) -%}
    {%- set pattern = files_of_view(relation, '') -%}
    {%- set quoted = [] -%}
    {%- for file in files -%}{%- do quoted.append("'" ~ file.replace("'", "''") ~ "'") -%}{%- endfor -%}
    {%- set body = text[text.index(' AS ') + 4:] | trim -%}
    {{ return(body.rstrip(';').replace("read_parquet('" ~ pattern ~ "'", 'read_parquet([' ~ quoted | join(', ') ~ ']', 1)) }}
{%- endmacro %}


{#
  Finds which files of a view are new since its rows were folded last, as temporary tables:
    <scratch>__current  files that are there now and not hidden
    <scratch>__unread   those of them whose rows have not been read
    <scratch>__lost     files that were read and are gone, and whose rows no file that is there is known to hold
  With `follows_rows`, rows that compaction moved to another file are the same rows; without, each file is by itself.
#}
{% macro find_new_files(source, partition, built_before, follows_rows, files_read, scratch) -%}
    {%- set lake = env_var('FEEDTRIAL_LAKE', 'lake-data') -%}
    {% do run_query(
        'create or replace temp table ' ~ scratch ~ "__current as select files.file as file_name from glob('"
        ~ files_of_view(source, partition) ~ "') as files anti join read_parquet('" ~ lake
        ~ "/raw/hidden_files/*.parquet') as hidden on files.file = '" ~ lake ~ "/' || hidden.file"
    ) %}
    {%- if built_before -%}
        {% do run_query(
            'create or replace temp table ' ~ scratch ~ '__unread as select file_name from ' ~ scratch
            ~ '__current where file_name not in (select file_name from ' ~ files_read ~ ')'
        ) %}
        {% do run_query(
            'create or replace temp table ' ~ scratch ~ '__lost as select file_name from ' ~ files_read
            ~ ' where file_name not in (select file_name from ' ~ scratch ~ '__current)'
        ) %}
        {%- set lost = run_query('select count(*) from ' ~ scratch ~ '__lost').columns[0].values()[0] -%}
        {%- set manifests = run_query("select count(*) from glob('" ~ lake ~ "/raw/_compactions/*.json')").columns[0].values()[0] if lost > 0 and follows_rows else 0 -%}
        {%- if manifests > 0 -%}
            {% do run_query(
                'create or replace temp table ' ~ scratch ~ "__moved as select '" ~ lake ~ "/' || source.path as file_name, '" ~ lake
                ~ "/' || target.path as moved_to from (select target, unnest(sources) as source from read_json('" ~ lake
                ~ "/raw/_compactions/*.json', columns = {state: 'varchar', sources: 'struct(path varchar)[]', target: 'struct(path varchar)'})"
                ~ " where state <> 'planned') as compactions"
            ) %}
            {# what was compacted from files that were all read has been read; what it was compacted from is not lost #}
            {% do run_query(
                'delete from ' ~ scratch ~ '__unread where file_name in (select moved_to from ' ~ scratch ~ '__moved group by moved_to having bool_and(file_name in (select file_name from '
                ~ files_read ~ ')))'
            ) %}
            {% do run_query(
                'delete from ' ~ scratch ~ '__lost where file_name in (with recursive traces as (select file_name, file_name as stands_in from ' ~ scratch
                ~ '__lost union select traces.file_name, moved.moved_to from traces inner join ' ~ scratch
                ~ '__moved as moved on traces.stands_in = moved.file_name) select traces.file_name from traces inner join ' ~ scratch
                ~ '__current as files on traces.stands_in = files.file_name)'
            ) %}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{% macro files_are_lost(scratch) -%}
    {{ return(run_query('select count(*) from ' ~ scratch ~ '__lost').columns[0].values()[0] > 0) }}
{%- endmacro %}
