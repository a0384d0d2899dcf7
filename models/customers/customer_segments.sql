/*
---
description: What kind of customer a person is, by recency, frequency and money (RFM).
owner: growth@shop.example
tags: [marketing]
materialized: table
checks:
  - unique: [customer_id]
  - not_null: [customer_id, segment]
  - relationships: {column: customer_id, to: customers, field: customer_id}
  - accepted_values: {column: segment, values: [champion, loyal, new, at risk, asleep, regular]}
---
*/
with today as (
    -- the newest day that the data knows; the calendar would change the segments of a replay
    select max(order_date) as as_of from sales
),
buyers as (
    select
        customer_id,
        date_diff('day', max(order_date), any_value(as_of)) as recency_days,
        date_diff('day', min(order_date), any_value(as_of)) as first_days,
        count(*) as order_count,
        sum(net_amount) as net_sales
    from sales
    cross join today
    where customer_id is not null
    group by all
),
scored as (
    select
        *,
        {{ quintile('recency_days', best='low') }} as recency_score,
        {{ quintile('order_count', best='high') }} as frequency_score,
        {{ quintile('net_sales', best='high') }} as money_score
    from buyers
)
select
    customer_id,
    recency_days,               -- days since the last order
    order_count,
    net_sales,                  -- euro after refunds, since January
    recency_score,              -- 1 to 5, 5 bought last
    frequency_score,            -- 1 to 5, 5 bought most often
    money_score,                -- 1 to 5, 5 spent most
    case
        when recency_days <= {{ var('active_days') }} and frequency_score = 5 and money_score >= 4
            then 'champion'
        when recency_days <= {{ var('active_days') }} and frequency_score >= 4 then 'loyal'
        when first_days <= {{ var('active_days') }} then 'new'
        when recency_days > {{ var('active_days') }} and frequency_score >= 3 then 'at risk'
        when recency_days > {{ var('active_days') }} then 'asleep'
        else 'regular'
    end as segment
from scored
