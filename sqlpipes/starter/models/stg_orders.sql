/*
---
description: Orders as they came, without doubled rows and with tidy statuses.
owner: me@example.com
checks:
  - unique: [order_id]
  - not_null: [order_id, customer, ordered_on]
  - accepted_values: {column: status, values: [open, paid, refunded]}
---
*/
select distinct
    order_id,
    customer,
    ordered_on,
    amount::decimal(10, 2) as amount,       -- euro; null while the order is open
    lower(trim(status)) as status
from raw_orders
