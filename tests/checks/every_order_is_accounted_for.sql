-- An order is a sale or is rejected with a reason, never both and never neither.
select
    order_id,
    count(sales.order_id) as as_sale,
    count(rejected_orders.order_id) as as_rejected
from orders
left join sales using (order_id)
left join rejected_orders using (order_id)
group by all
having as_sale + as_rejected <> 1
