/*
---
description: Visits per day. One row per day of the web shop.
owner: growth@shop.example
partition: {by: day, column: session_date, start: 2025-01-01, end: 2025-07-01}
inputs: {stg_sessions: all}                 # late visits come with the next file: re-open all days
checks:
  - unique: [session_date]
  - expression: "visits >= visits_with_cart"
---
*/
select
    session_date,
    count(*) as visits,
    count(distinct customer_id) as known_visitors,              -- people who logged in
    count(*) filter (where cart_adds > 0) as visits_with_cart,
    sum(page_views) as page_views
from stg_sessions
group by all
