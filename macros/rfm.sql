{# 1 (worst) to 5 (best) by `column`; equal values are told apart by customer, so runs agree. #}
{% macro quintile(column, best) -%}
ntile(5) over (order by {{ column }} {{ 'desc' if best == 'low' else 'asc' }}, customer_id)
{%- endmacro %}
