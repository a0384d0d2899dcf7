-- The days together are the sales: no slice is missing, none is doubled.
select
    from_days.net_sales as from_days,
    from_sales.net_sales as from_sales
from (select sum(net_sales) as net_sales from daily_sales) as from_days
cross join (select sum(net_amount) as net_sales from sales) as from_sales
where from_days.net_sales <> from_sales.net_sales
