select distinct         -- the export doubles a row now and then
    refund_id,
    order_id,
    refunded_at,
    amount,
    nullif(trim(reason), '') as reason
from raw_refunds
