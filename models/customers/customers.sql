/*
---
description: One row per person. Who registered twice is one person, under the oldest id.
owner: data@shop.example
tags: [pii]
materialized: table
checks:
  - unique: [customer_id]
  - unique: [email]
  - not_null: [customer_id, email, signed_up_at]
---
*/
select
    customer_id,
    customer_name,
    email,
    coalesce(country, 'unknown') as country,    -- two letters, or unknown
    channel,                                    -- what brought the person to the shop
    has_newsletter,
    signed_up_at
from stg_customers
semi join customer_aliases on customer_aliases.kept_id = stg_customers.customer_id
