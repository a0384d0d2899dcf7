select distinct         -- the export doubles a row now and then
    customer_id,
    trim(customer_name) as customer_name,
    lower(trim(email)) as email,
    nullif(trim(country), '') as country,
    channel,
    newsletter = 'yes' as has_newsletter,
    signed_up_at
from raw_customers
