/*
---
description: The sales export, typed and trimmed. One row per order and status change.
owner: data@shop.example
checks:
  - not_null: [order_id, ordered_at, updated_at, loaded_at]
  - accepted_values: {column: status, values: [placed, delivered, returned, cancelled]}
  # some orders name a product that the catalogue lacks: the sale is real, so we only warn
  - relationships: {column: product_id, to: stg_products, field: product_id, severity: warn}
---
*/
select distinct         -- the export doubles a row now and then
    order_id,
    nullif(trim(customer_id), '') as customer_id,       -- null: a guest
    product_id,
    ordered_at,
    quantity,
    -- a few tills write a decimal comma
    try_cast(replace(unit_price, ',', '.') as decimal(10, 2)) as unit_price,    -- euro per piece
    lower(trim(status)) as status,
    updated_at,                                         -- when the order changed to this status
    loaded_at                                           -- when we heard of it: may be days later
from raw_sales
