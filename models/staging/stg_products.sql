select
    product_id,
    trim(product_name) as product_name,
    category,
    unit_cost
from raw_products
