/*
---
description: What came in per day.
owner: me@example.com
materialized: table
checks:
  - unique: [ordered_on]
  - expression: "revenue > 0"
---
*/
select
    ordered_on,
    count(*) as orders,
    sum(amount) as revenue
from stg_orders
where status = 'paid'
group by all
