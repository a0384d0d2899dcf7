/*
---
description: Which segment a customer was in, and when; the table of today forgets it.
owner: growth@shop.example
tags: [marketing]
materialized: snapshot
unique_key: customer_id
check_columns: [segment]
hard_deletes: invalidate
checks:
  - not_null: [customer_id, segment, valid_from]
  - unique: {columns: [customer_id], where: is_current}
---
*/
select customer_id, segment
from customer_segments
