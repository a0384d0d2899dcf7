select
    product_id,
    valid_from,         -- first day of this price
    list_price          -- euro per piece
from raw_prices
