-- A view and not a partitioned table: its window looks across days.
select
    order_date,
    sum(order_count) as order_count,
    sum(net_sales) as net_sales,                                    -- euro of that day
    avg(sum(net_sales)) over week_so_far as net_sales_7d            -- mean of the last seven days
from daily_sales
group by order_date
window week_so_far as (
    order by order_date
    range between interval 6 days preceding and current row
)
