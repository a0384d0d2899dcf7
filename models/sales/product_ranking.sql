-- The three best products of every category, by what they left us after refunds and cost.
select
    category,
    product_id,
    product_name,
    sum(quantity) as units,
    sum(net_amount) as net_sales,           -- euro after refunds
    sum(margin) as margin,                  -- euro after refunds and cost
    rank() over (partition by category order by sum(margin) desc) as place
from sales
where category <> 'Unknown'
group by category, product_id, product_name
qualify place <= 3
order by category, place
