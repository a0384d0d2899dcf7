-- A bare SELECT is a complete model. It reads stg_orders, so it is built after it.
select
    customer,
    count(*) as orders,
    sum(amount) as revenue,
    rank() over (order by sum(amount) desc) as place
from stg_orders
where status = 'paid'
group by customer
