{#
  A table that is built on instead of anew: what changed since it was built last is folded in, by key, in one transaction.
  The model's SQL says the whole table, and that is what a full build runs; an increment runs the same SQL over less.
  Whether rows come late, twice, or in another order makes no difference, because the SQL folds them by aggregates for which
  it makes none; `transform --full` gives the same rows, and a test holds the two equal.

    increment_of  the model that grows: a view over files of the lake, or another folded table
    unique_key    columns that name a row
    partition     of a view over files: the first part of the partition's path, where only that is read
    folds         column -> aggregate by which a row that is there and a new one become one; where there are none, a new
                  row replaces the old one; where it is made from several rows of increment_of, `group_by` names the columns
                  that those have in common
    facts         column -> expression over a folded row, for what follows from it
    reads         columns of increment_of that the SQL reads, where that is few of many; all by default
    key_of_increment  expression of the key over increment_of, where that has no column of the name
    pruned_by     column that follows from the key and grows with time, such as a record's rkey: what is older than all that an
                  increment says is not read to fold it in. Where there is group_by, increment_of has it too
    reach         with group_by: {column, hours}, a time of increment_of and of this table, and the number of seeds/filter_parameters.csv that
                  says how far apart rows of a group may be and still have a say in each other: what is further from all that changed
                  is neither read nor judged
    sorts         whether a full build puts the rows in the order of pruned_by: needed where it groups, which leaves them in none, and then
                  nothing could be left out unread
    seeds         seeds that the SQL reads: a table is built anew where one of them has changed
    keeps         'rows' (default), or 'files' for a table keyed by file_name, whose rows go when their file does

  The books of each table are in the schema `folding`: which files it has, or how far it has read the table before it, which run
  wrote its last batch, and a signature of its SQL and seeds. A table is built anew where the books don't fit: the SQL was edited, a seed was
  changed, the table before was built anew, or a file that was read is gone without its rows being in another (an
  erasure or a redaction). Compaction moves rows into other files, and says so in raw/_compactions.

  Rows that an increment writes have its number in the column `batch`: what follows reads on from there.
#}
{% materialization folded, adapter='duckdb' %}
    {%- set target = this.incorporate(type='table') -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set source = ref(config.require('increment_of')) -%}
    {%- set key = config.require('unique_key') -%}
    {%- set folds = config.get('folds') -%}
    {%- set pruned_by = config.get('pruned_by') -%}
    {%- set reach = config.get('reach') -%}
    {%- set scratch = this.identifier -%}
    {%- set books = '"' ~ this.database ~ '".folding."' ~ this.identifier ~ '"' -%}
    {%- set files_read = '"' ~ this.database ~ '".folding."' ~ this.identifier ~ '__files"' -%}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}

    {# From here on everything is one transaction: the rows and what the books say of them. #}
    {%- call statement('begin') -%} select 1 as begun {%- endcall -%}
    {%- if existing is not none and existing.type == 'view' -%}{% do adapter.drop_relation(existing) %}{%- endif -%}
    {%- set over_files = is_view_over_files(source) -%}
    {%- set signature = folding_signature(sql, folds, config.get('seeds', [])) -%}
    {%- set before = none if existing is none or existing.type != 'table' or should_full_refresh() else read_books(this) -%}
    {%- set upstream = none if over_files else read_books(source) -%}
    {%- if over_files -%}
        {% do find_new_files(source, config.get('partition', ''), before is not none, config.get('keeps') != 'files', files_read, scratch) %}
    {%- endif -%}
    {%- set reason -%}
        {%- if before is none -%}first build
        {%- elif before.signature != signature -%}its SQL or a seed has changed
        {%- elif upstream is not none and upstream.epoch != before.read_epoch -%}the table that it reads was built anew
        {%- elif over_files and config.get('keeps') != 'files' and files_are_lost(scratch) -%}files that it had read are gone
        {%- endif -%}
    {%- endset -%}
    {%- set reason = reason | trim -%}

    {%- set written_by = run_parameter('publish_id') -%}
    {%- if reason != '' -%}
        {%- if before is not none -%}{{ log(this.identifier ~ ' is built anew: ' ~ reason, info=true) }}{%- endif -%}
        {%- set epoch = invocation_id ~ ' ' ~ this.identifier -%}
        {%- set batch = 1 -%}
        {%- call statement('main') -%}
            create or replace table {{ target }} as
            select *, cast(1 as bigint) as batch from (
            {{ sql }}
            ) as everything
            {{ 'order by ' ~ pruned_by if config.get('sorts') }}
        {%- endcall -%}
        {%- if over_files -%}
            {% do run_query('create or replace table ' ~ files_read ~ ' as select file_name from ' ~ scratch ~ '__current') %}
        {%- endif -%}
    {%- else -%}
        {%- set epoch = before.epoch -%}
        {%- set batch = before.batch + 1 -%}
        {%- set increment = scratch ~ '__increment' -%}
        {%- if over_files -%}
            {%- set files = run_query('select file_name from ' ~ scratch ~ '__unread order by file_name').columns[0].values() | list -%}
            {%- set anything = files | length > 0 -%}
            {%- if anything -%}
                {% do run_query('create or replace temp view ' ~ increment ~ ' as ' ~ view_over(source, files)) %}
            {%- endif -%}
        {%- else -%}
            {%- set anything = upstream.batch > before.read_batch -%}
            {%- if anything -%}
                {% do run_query(changed_rows_of(source, increment, before.read_batch, config.get('reads', ['*']) | join(', '), config.get('group_by', []), target, key, pruned_by, reach)) %}
            {%- endif -%}
        {%- endif -%}

        {%- if anything -%}
            {% do run_query('create or replace temp table ' ~ scratch ~ '__new as ' ~ (sql | replace(source | string, increment))) %}
            {%- if reach -%}{% do run_query(only_within_reach(scratch, increment, config.get('group_by', []), reach)) %}{%- endif -%}
            {% do run_query(changed_keys(scratch, target, increment, key, folds, config.get('facts', {}), over_files, config.get('key_of_increment'), pruned_by)) %}
        {%- endif -%}
        {%- call statement('main') -%}
            {%- if anything -%}
                {{ replace_changed(scratch, target, batch) }}
            {%- else -%}
                select 'nothing is new' as "nothing"
            {%- endif -%}
        {%- endcall -%}
        {%- if over_files -%}
            {%- if config.get('keeps') == 'files' -%}
                {% do run_query('delete from ' ~ target ~ ' where file_name not in (select file_name from ' ~ scratch ~ '__current)') %}
            {%- endif -%}
            {% do run_query('delete from ' ~ files_read ~ ' where file_name not in (select file_name from ' ~ scratch ~ '__current)') %}
            {% do run_query('insert into ' ~ files_read ~ ' select file_name from ' ~ scratch ~ '__current where file_name not in (select file_name from ' ~ files_read ~ ')') %}
        {%- endif -%}
        {%- if not anything -%}{%- set batch = before.batch -%}{%- set written_by = before.written_by -%}{%- endif -%}
    {%- endif -%}

    {% do run_query(
        'create or replace table ' ~ books ~ " as select '" ~ signature ~ "' as signature, '" ~ epoch ~ "' as epoch, cast("
        ~ batch ~ " as bigint) as batch, '" ~ (upstream.epoch if upstream is not none else '') ~ "' as read_epoch, cast("
        ~ (upstream.batch if upstream is not none else 0) ~ " as bigint) as read_batch, '" ~ written_by ~ "' as written_by"
    ) %}

    {% do persist_docs(target, model) %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {% do adapter.commit() %}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
