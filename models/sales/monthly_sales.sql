/*
---
description: Sales per month and category, rolled up from the days.
owner: finance@shop.example
tags: [finance]
partition: {by: month, column: sales_month, start: 2025-01, end: 2025-07}
checks:
  - unique: [sales_month, category]
---
*/
select
    date_trunc('month', order_date)::date as sales_month,   -- first day of the month
    category,
    sum(order_count) as order_count,
    sum(units) as units,
    sum(net_sales) as net_sales                             -- euro after refunds
from daily_sales
group by all
