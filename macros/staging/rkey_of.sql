{# The record key in the URI of a record, at://<did>/<collection>/<rkey>; empty where it has none. #}
{% macro rkey_of(uri) -%}
    split_part({{ uri }}, '/', 5)
{%- endmacro %}
