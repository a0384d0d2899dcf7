/*
---
description: Cleaned sales, one row per order that counts, refunds taken off. The base of every report.
owner: finance@shop.example
tags: [finance]
materialized: table
checks:                                     # the gate: while one of these fails, reports keep yesterday's table
  - unique: [order_id]
  - not_null: [order_id, order_date, category, gross_amount, net_amount]
  - accepted_values: {column: status, values: [placed, delivered, returned]}
  - relationships: {column: customer_id, to: customers, field: customer_id, where: customer_id is not null}
  - range: {column: quantity, min: 1, max: 100}
  - expression: {expression: "net_amount between 0 and gross_amount", name: refund_within_sale}
  - expression: {expression: "unit_price <= list_price", name: not_above_list, where: list_price is not null}
---
*/
with refunded as (
    select
        order_id,
        sum(amount) as amount
    from stg_refunds
    group by all
)
select
    orders.order_id,
    orders.ordered_at,
    orders.ordered_at::date as order_date,                              -- the shop's local date
    coalesce(customer_aliases.kept_id, orders.customer_id) as customer_id,  -- null: a guest
    orders.product_id,
    coalesce(stg_products.product_name, 'unknown product') as product_name,
    coalesce(stg_products.category, 'Unknown') as category,             -- Unknown: not in the catalogue
    orders.status,
    orders.quantity,
    orders.unit_price,                                                  -- euro per piece, as paid
    stg_prices.list_price,                                              -- euro per piece, on that day
    orders.quantity * orders.unit_price as gross_amount,                -- euro
    coalesce(refunded.amount, 0) as refund_amount,               -- euro, positive
    gross_amount - refund_amount as net_amount,                         -- euro that stay with us
    net_amount - orders.quantity * stg_products.unit_cost as margin     -- euro; null: cost unknown
from orders
left join customer_aliases on customer_aliases.customer_id = orders.customer_id
left join stg_products on stg_products.product_id = orders.product_id
left join refunded on refunded.order_id = orders.order_id
-- the price of that day: the newest row of the product that is not younger than the order
asof left join stg_prices
    on stg_prices.product_id = orders.product_id
    and stg_prices.valid_from <= orders.ordered_at
where orders.status <> 'cancelled'
    and orders.quantity is not null
    and orders.unit_price is not null
