"""daily_sales -> the expected demand of the next four weeks: a trend and a rhythm of the week."""

import numpy as np

from sqlpipes import asset

DAY = np.timedelta64(1, "D")
DAYS_AHEAD = 28


@asset(
    owner="sales@shop.example",
    kind="ml",
    checks=[
        {"unique": ["category", "forecast_date"]},
        {"range": {"column": "expected_units", "min": 0}},
        {"row_count": {"equals": 5 * DAYS_AHEAD}},
    ],
)
def demand_forecast(daily_sales):
    """Expected units per category and day, four weeks from the last day of daily_sales."""
    rows = daily_sales.filter("category <> 'Unknown'").fetchnumpy()
    days = rows["order_date"].astype("datetime64[D]")
    tomorrow = days.max() + DAY
    past = np.arange(days.min(), tomorrow, DAY)
    ahead = np.arange(tomorrow, tomorrow + DAYS_AHEAD * DAY, DAY)
    forecasts = []
    for category in sorted(set(rows["category"])):
        sold = np.zeros(len(past))  # a day without a row is a day without a sale
        mine = rows["category"] == category
        sold[(days[mine] - past[0]).astype(int)] = rows["units"][mine].astype(float)
        weights, *_ = np.linalg.lstsq(rhythm(past, past[0]), sold, rcond=None)
        expected = np.maximum(rhythm(ahead, past[0]) @ weights, 0)
        forecasts.append((np.full(DAYS_AHEAD, category, dtype=object), ahead, expected.round(2)))
    categories, dates, units = (np.concatenate(column) for column in zip(*forecasts, strict=True))
    return {"category": categories, "forecast_date": dates, "expected_units": units}


def rhythm(days, origin):
    """A column for the trend and one for each day of the week. NumPy's day 0 was a Thursday."""
    weekday = (days.astype(int) + 3) % 7
    trend = (days - origin).astype(float) / 365
    return np.column_stack([trend, *(weekday == number for number in range(7))]).astype(float)
