/*
---
description: One row per order, as it stands after its newest status change.
owner: data@shop.example
materialized: incremental
unique_key: order_id
checks:
  - unique: [order_id]
  - not_null: [order_id, status]
---
*/
select
    order_id,
    customer_id,                                -- null: a guest
    product_id,
    ordered_at,
    quantity,
    unit_price,
    status,
    updated_at,
    max(loaded_at) over (partition by order_id) as loaded_at    -- when we last heard of the order
from stg_sales
{% if is_incremental() %}
-- loaded_at and not updated_at: a late row is news although its change is old. And of an order
-- with news all rows are read, because the late one need not be the newest.
where order_id in (
    select order_id from stg_sales where loaded_at >= (select max(loaded_at) from {{ this }})
)
{% endif %}
qualify row_number() over (partition by order_id order by updated_at desc, loaded_at desc) = 1
