{#
  Shows rows that lack what they must have, hold a probability that is none, or stand twice under their key. One test a model rather than one a
  column and question: each test of a build costs some 40 ms of processor time whatever it asks.

    key            columns that name a row
    never_null     columns that are never null
    probabilities  columns from 0 to 1; null is none and passes

  Keys are compared by a hash first, which is narrow; only those that share one are looked at.
#}
{% test sound(model, key=[], never_null=[], probabilities=[]) %}
    {{ rows_that_are_not_sound(model, key, never_null, probabilities, 'true') }}
{% endtest %}


{#
  sound for a folded table: looks at the rows that the last increment wrote; where what counts over all history is built as well, once a day,
  and after a full build, at all.
#}
{% test sound_in_last_batch(model, key, never_null=[], probabilities=[]) %}
    {%- if run_parameter('history') == 'true' -%}
        {{ rows_that_are_not_sound(model, key, never_null, probabilities, 'true') }}
    {%- elif execute and flags.WHICH == 'build' and (read_books(model) or {}).get('written_by', '') != run_parameter('publish_id') -%}
        select 'nothing was written' as wrong, '' as row_text where false
    {%- else -%}
        {{ rows_that_are_not_sound(
            model, key, never_null, probabilities, 'batch = (select max(last_rows.batch) from ' ~ model ~ ' as last_rows)'
        ) }}
    {%- endif -%}
{% endtest %}
