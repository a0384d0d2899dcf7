-- Both ways to a month's sales agree.
with from_days as (
    select
        date_trunc('month', order_date)::date as sales_month,
        sum(net_sales) as net_sales
    from daily_sales
    group by all
),
from_months as (
    select
        sales_month,
        sum(net_sales) as net_sales
    from monthly_sales
    group by all
)
select
    sales_month,
    from_days.net_sales as from_days,
    from_months.net_sales as from_months
from from_days
full join from_months using (sales_month)
where from_days.net_sales is distinct from from_months.net_sales
