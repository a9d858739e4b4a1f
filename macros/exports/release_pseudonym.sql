{#
  A name for a participant or a post that holds in one release and says nothing to whoever lacks its key: two keyed digests, one in the other.
  The key of a release is FEEDTRIAL_EXPORT_KEY; without one each build draws its own, so that no two can be joined.
#}
{% macro release_pseudonym(expression) -%}
    {%- set key = env_var('FEEDTRIAL_EXPORT_KEY', '') if execute else '' -%}
    {%- set key = key if key != '' else invocation_id -%}
    {{ return(adapter.dispatch('release_pseudonym', 'feedtrial')(expression, local_md5('inner ' ~ key), local_md5('outer ' ~ key))) }}
{%- endmacro %}

{% macro duckdb__release_pseudonym(expression, inner_key, outer_key) -%}
    substr(sha256('{{ outer_key }}' || sha256('{{ inner_key }}' || {{ expression }})), 1, 32)
{%- endmacro %}

{% macro trino__release_pseudonym(expression, inner_key, outer_key) -%}
    substr(lower(to_hex(sha256(to_utf8(
        '{{ outer_key }}' || lower(to_hex(sha256(to_utf8('{{ inner_key }}' || {{ expression }}))))
    )))), 1, 32)
{%- endmacro %}
