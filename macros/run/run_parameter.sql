{#
  What this run is told, by its name in the `vars` of dbt_project.yml. The runner says it by an environment variable
  (FEEDTRIAL_RUN_AS_OF_US for as_of_us); by hand, and in unit tests, it is the var. dbt parses the whole project anew
  whenever a var differs from the last run's, some seconds each cycle: so no model reads var() itself.
#}
{% macro run_parameter(name) -%}
    {{ return(env_var('FEEDTRIAL_RUN_' ~ name | upper, var(name) | string) if execute else var(name) | string) }}
{%- endmacro %}
