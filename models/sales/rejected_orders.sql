/*
---
description: Orders that cannot be counted as sales, and why. Nothing is dropped in silence.
owner: data@shop.example
checks:
  - row_count: {max: 50, where: "reason <> 'cancelled'", severity: warn}   # more: the export is broken
---
*/
select
    order_id,
    ordered_at,
    status,
    case
        when status = 'cancelled' then 'cancelled'
        when quantity is null then 'no quantity'
        else 'no price'
    end as reason
from orders
anti join sales using (order_id)
