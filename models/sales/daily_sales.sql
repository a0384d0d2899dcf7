/*
---
description: Sales per day and category. A refund counts on the day of its order.
owner: finance@shop.example
tags: [finance]
partition: {by: day, column: order_date, start: 2025-01-01, end: 2025-07-01}
inputs: {sales: all}                        # a late refund changes an old day: re-open all of them
checks:
  - not_null: [order_date, category]
  - unique: [order_date, category]
  - expression: "net_sales <= gross_sales"
---
*/
select
    order_date,
    category,
    count(*) as order_count,
    sum(quantity) as units,
    sum(gross_amount) as gross_sales,       -- euro before refunds
    sum(refund_amount) as refunds,          -- euro paid back
    sum(net_amount) as net_sales            -- euro that stay with us
from sales
group by all
