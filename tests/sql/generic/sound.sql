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


{# sound for a folded table: of what the last increment wrote. #}
{% test sound_in_last_batch(model, key, never_null=[], probabilities=[]) %}
    {{ rows_that_are_not_sound(model, key, never_null, probabilities, of_last_batch(model)) }}
{% endtest %}
