/*
---
description: What everybody who joined this year did in the first week, and whether they bought afterwards.
owner: growth@shop.example
tags: [marketing, ml]
materialized: table
checks:
  - unique: [customer_id]
  - not_null: [customer_id, visits, page_views, cart_adds, is_lead]
  - expression: {expression: "not is_lead or converted is null", name: no_label_for_leads}
---
*/
with today as (
    select max(session_date) as as_of from stg_sessions
),
first_week as (
    select
        customers.customer_id,
        count(stg_sessions.session_id) as visits,
        coalesce(sum(stg_sessions.page_views), 0) as page_views,
        coalesce(sum(stg_sessions.cart_adds), 0) as cart_adds,
        coalesce(sum(stg_sessions.seconds), 0) / 60 as minutes
    from customers
    left join stg_sessions
        on stg_sessions.customer_id = customers.customer_id
        and stg_sessions.started_at >= customers.signed_up_at
        and stg_sessions.started_at < customers.signed_up_at + interval 7 days
    where customers.signed_up_at >= date '2025-01-01'       -- the visits begin there
    group by all
),
first_order as (
    select
        customer_id,
        min(ordered_at) as first_ordered_at
    from sales
    group by all
)
select
    customers.customer_id,
    customers.channel,
    customers.has_newsletter,
    customers.signed_up_at::date as signed_up_on,
    first_week.visits,                                      -- in the first seven days
    first_week.page_views,
    first_week.cart_adds,
    first_week.minutes,
    first_order.first_ordered_at is null
        and customers.signed_up_at >= today.as_of - interval 37 days as is_lead,    -- may still buy
    -- Known for those only who had their whole month. Who bought within the first week is left
    -- out: the model would learn from the purchase that it should foresee.
    case
        when customers.signed_up_at >= today.as_of - interval 37 days then null
        when first_order.first_ordered_at < customers.signed_up_at + interval 7 days then null
        else coalesce(
            first_order.first_ordered_at < customers.signed_up_at + interval 37 days, false
        )
    end as converted                                        -- bought in the month after that week
from first_week
inner join customers using (customer_id)
left join first_order using (customer_id)
cross join today
