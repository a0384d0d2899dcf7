/*
---
description: Every id that a person registered under, and the one that we keep, the oldest.
owner: data@shop.example
materialized: ephemeral                     # a step of thought: no table, it is inlined into its readers
---
*/
select
    customer_id,
    first_value(customer_id) over (
        partition by email
        order by signed_up_at, customer_id
    ) as kept_id                            -- the person's first registration
from stg_customers
