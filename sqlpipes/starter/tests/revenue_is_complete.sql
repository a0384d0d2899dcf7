-- A check is a query for bad rows: none may come back.
select *
from (select sum(revenue) as per_day from daily_revenue)
cross join (select sum(revenue) as per_customer from best_customers)
where per_day <> per_customer
