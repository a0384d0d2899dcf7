select
    session_id,
    customer_id,                            -- null: a visitor who did not log in
    started_at,
    started_at::date as session_date,
    device,
    channel,
    page_views,
    cart_adds,
    seconds
from read_parquet('raw/sessions/*.parquet')
