"""A fixed random seed -> the sample shop's raw data: seeds/*.csv and raw/sessions/*.parquet.

Run it once from anywhere: `python scripts/make_sample_data.py`. The files are committed, so nobody
has to. The same seed gives the same rows. Time is counted in minutes since `EPOCH`, and everything
happens between 2025-01-01 and 2025-06-30, so the pipeline gives the same figures on any day.

The data is as dirty as an export from a real shop, on purpose:

    raw_sales      an order appears once per status change; some rows come twice, some days late and
                   out of order; statuses in any letter case and with blanks; decimal commas; unknown
                   products; a few orders without quantity or price; guests without a customer id
    raw_customers  mixed-case e-mails with blanks; people who registered twice; missing countries
    raw_refunds    partial and full ones, doubled rows, one of an order that does not exist
    raw/sessions   one file a month; the last evening of a month arrives in the next month's file
"""

from __future__ import annotations

import csv
import math
import random
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

ROOT = Path(__file__).resolve().parent.parent
EPOCH = datetime(2025, 1, 1, tzinfo=UTC)
DAY = 24 * 60
DAYS = 181  # 2025-01-01 .. 2025-06-30
LAST_MINUTE = DAYS * DAY - 1
PEOPLE_BEFORE, PEOPLE_NEW = 420, 1100

Row = dict[str, object]

PRODUCTS: tuple[tuple[str, str, str, float, float], ...] = (
    # id, name, category, cost, list price in January
    ("P-101", "Assam Second Flush", "Tea", 4.10, 9.90),
    ("P-102", "Darjeeling First Flush", "Tea", 6.80, 14.50),
    ("P-103", "Sencha Kagoshima", "Tea", 5.60, 12.90),
    ("P-104", "Oolong Tie Guan Yin", "Tea", 7.40, 16.90),
    ("P-105", "Rooibos Vanilla", "Tea", 2.70, 6.90),
    ("P-106", "Peppermint", "Tea", 1.90, 4.90),
    ("P-201", "Ethiopia Yirgacheffe", "Coffee", 6.20, 13.90),
    ("P-202", "Colombia Huila", "Coffee", 5.50, 12.50),
    ("P-203", "House Espresso", "Coffee", 5.10, 11.90),
    ("P-204", "Decaf Peru", "Coffee", 5.90, 13.50),
    ("P-205", "Cold Brew Bags", "Coffee", 4.30, 9.50),
    ("P-301", "Cast Iron Teapot", "Brewing", 21.00, 49.00),
    ("P-302", "Glass Teapot", "Brewing", 11.50, 29.00),
    ("P-303", "Pour-over Set", "Brewing", 14.20, 34.00),
    ("P-304", "Burr Grinder", "Brewing", 32.00, 79.00),
    ("P-305", "Scale with Timer", "Brewing", 13.10, 32.00),
    ("P-401", "Stoneware Mug", "Tableware", 4.60, 14.00),
    ("P-402", "Espresso Cups, Set of 4", "Tableware", 9.80, 26.00),
    ("P-403", "Matcha Bowl", "Tableware", 8.20, 24.00),
    ("P-501", "Tea Taster Box", "Gifts", 9.20, 22.00),
    ("P-502", "Coffee Taster Box", "Gifts", 10.10, 24.00),
    ("P-503", "Gift Card Tin", "Gifts", 1.20, 5.00),
)
POPULARITY = {"Tea": 6.0, "Coffee": 7.0, "Brewing": 1.6, "Tableware": 2.4, "Gifts": 2.0}
CHANNELS = {"search": 0.34, "social": 0.24, "newsletter": 0.16, "referral": 0.12, "ads": 0.14}
CHANNEL_PULL = {"search": 0.1, "social": -0.5, "newsletter": 0.5, "referral": 0.9, "ads": -0.7}
COUNTRIES = {"DE": 0.42, "AT": 0.16, "CH": 0.12, "FR": 0.14, "NL": 0.1, "": 0.06}
FIRST = ("Ada", "Ben", "Cleo", "Emil", "Fay", "Hana", "Ida", "Jon", "Kai", "Lea", "Otto", "Uma")
LAST = ("Adler", "Conti", "Dubois", "Egger", "Huber", "Ito", "Keller", "Novak", "Sato", "Weber")


def main() -> None:
    rng = random.Random(20250701)
    people = make_people(rng)
    prices = make_prices()
    orders = make_orders(rng, people, prices)
    write_csv("raw_products", make_products())
    write_csv("raw_prices", prices)
    write_csv("raw_customers", make_customers(rng, people))
    write_csv("raw_sales", make_sales(rng, orders))
    write_csv("raw_refunds", make_refunds(rng, orders))
    write_sessions(make_sessions(rng, people))


def make_people(rng: random.Random) -> list[Row]:
    """One row a person, with the taste that drives what they do. 40 registered a second time."""
    joined = [rng.uniform(-330 * DAY, 0) for _ in range(PEOPLE_BEFORE)]
    joined += [rng.uniform(0, DAYS * DAY) for _ in range(PEOPLE_NEW)]
    people: list[Row] = []
    for number, minute in enumerate(sorted(joined), start=1):
        first, last = rng.choice(FIRST), rng.choice(LAST)
        people.append(
            {
                "customer_id": f"C-{number:04d}",
                "name": f"{first} {last}",
                "email": f"{first}.{last}{number}@mail.example".lower(),
                "country": weighted(rng, COUNTRIES),
                "channel": weighted(rng, CHANNELS),
                "newsletter": rng.random() < 0.4,
                "joined": int(minute),
                "taste": rng.gauss(0, 1),
            }
        )
    for number, person in enumerate(rng.sample(people[:-100], 40), start=1):
        person["second_id"] = f"C-9{number:03d}"
    return people


def make_products() -> list[Row]:
    return [
        {"product_id": id_, "product_name": name, "category": category, "unit_cost": f"{cost:.2f}"}
        for id_, name, category, cost, _ in PRODUCTS
    ]


def make_prices() -> list[Row]:
    """List prices from January, raised by some percent in April, and again in June for coffee."""
    rows: list[Row] = []
    for id_, _, category, _, price in PRODUCTS:
        rises = [("2024-01-01", 1.0), ("2025-04-01", 1.05)]
        rises += [("2025-06-01", 1.12)] if category == "Coffee" else []
        rows += [
            {"product_id": id_, "valid_from": start, "list_price": f"{price * rise:.2f}"}
            for start, rise in rises
        ]
    return rows


def make_orders(rng: random.Random, people: Sequence[Row], prices: Sequence[Row]) -> list[Row]:
    """One clean row an order, oldest first: what really happened."""
    orders = [order for person in people for order in orders_of(rng, person)]
    orders += [{"customer_id": "", "at": minute} for minute in minutes(rng, 90)]
    orders.sort(key=lambda order: (order["at"], order["customer_id"]))
    ids = [product[0] for product in PRODUCTS]
    weights = [POPULARITY[product[2]] / math.sqrt(product[4]) for product in PRODUCTS]
    for number, order in enumerate(orders, start=1):
        product_id = rng.choices(ids, weights)[0]
        listed = price_at(prices, product_id, stamp(order["at"]))
        order["order_id"] = 10_000 + number
        order["product_id"] = product_id
        order["quantity"] = rng.choices([1, 2, 3, 4, 6], [60, 22, 9, 6, 3])[0]
        order["unit_price"] = round(listed * (0.9 if rng.random() < 0.12 else 1.0), 2)
        order["end"] = rng.choices(["delivered", "returned", "cancelled"], [90, 6, 4])[0]
    return orders


def orders_of(rng: random.Random, person: Row) -> Iterable[Row]:
    """A newcomer may buy within some weeks; a buyer comes back at the pace of their taste."""
    joined, taste = int(str(person["joined"])), float(str(person["taste"]))
    if joined >= 0:
        pull = CHANNEL_PULL[str(person["channel"])] + (0.4 if person["newsletter"] else 0.0)
        if rng.random() > sigmoid(-0.9 + 1.5 * taste + pull):
            return
        at = joined + rng.uniform(0.2, 36) * DAY
    else:
        at = rng.expovariate(1 / (35 * DAY))
    pause = 58 * DAY * math.exp(-0.45 * taste)
    while at < DAYS * DAY:
        id_ = person["customer_id"] if rng.random() < 0.7 else person.get("second_id")
        yield {"customer_id": id_ or person["customer_id"], "at": to_shop_hours(rng, at)}
        at += DAY + rng.expovariate(1 / pause)


def make_sales(rng: random.Random, orders: Sequence[Row]) -> list[Row]:
    """The export: one row per status change, in the order of arrival, with the dirt."""
    rows = [row for order in orders for row in versions_of(rng, order)]
    rows += [dict(row) for row in rng.sample(rows, 60)]
    rows.sort(key=lambda row: (row["loaded_at"], row["order_id"], row["updated_at"]))
    return rows


def versions_of(rng: random.Random, order: Row) -> list[Row]:
    """`placed`, and for half of the orders how it ended, if that was known by the end of June."""
    placed = int(str(order["at"]))
    row: Row = {
        "order_id": order["order_id"],
        "customer_id": order["customer_id"],
        "product_id": "P-999" if rng.random() < 0.007 else order["product_id"],
        "ordered_at": stamp(placed),
        "quantity": "" if rng.random() < 0.004 else order["quantity"],
        "unit_price": price_text(rng, float(str(order["unit_price"]))),
    }
    ended = placed + int(rng.uniform(2, 12) * DAY)
    versions = [version(rng, row, "placed", placed)]
    if ended < DAYS * DAY and (order["end"] != "delivered" or rng.random() < 0.45):
        versions.append(version(rng, row, str(order["end"]), ended))
    return versions


def version(rng: random.Random, row: Row, status: str, at: int) -> Row:
    delay = rng.uniform(3, 16) * DAY if rng.random() < 0.03 else rng.uniform(5, 90)
    return {
        **row,
        "status": dirty_text(rng, status),
        "updated_at": stamp(at),
        "loaded_at": stamp(min(at + delay, LAST_MINUTE)),
    }


def price_text(rng: random.Random, price: float) -> str:
    draw = rng.random()
    if draw < 0.003:
        return ""
    return f"{price:.2f}".replace(".", ",") if draw < 0.05 else f"{price:.2f}"


def make_customers(rng: random.Random, people: Sequence[Row]) -> list[Row]:
    """The register: everybody once, 40 people twice under a second id, and 12 rows doubled."""
    rows = [customer_row(rng, person, str(person["customer_id"]), 0) for person in people]
    twice = [person for person in people if "second_id" in person]
    rows += [customer_row(rng, p, str(p["second_id"]), rng.uniform(20, 60) * DAY) for p in twice]
    rows += [dict(row) for row in rng.sample(rows, 12)]
    return rows


def customer_row(rng: random.Random, person: Row, customer_id: str, later: float) -> Row:
    return {
        "customer_id": customer_id,
        "customer_name": f"  {person['name']} " if rng.random() < 0.04 else person["name"],
        "email": dirty_text(rng, str(person["email"])),
        "country": person["country"],
        "channel": person["channel"],
        "newsletter": "yes" if person["newsletter"] else "no",
        "signed_up_at": stamp(int(str(person["joined"])) + later),
    }


def make_refunds(rng: random.Random, orders: Sequence[Row]) -> list[Row]:
    """A returned order is paid back in full, a few delivered ones in part."""
    rows: list[Row] = []
    for order in orders:
        paid = float(str(order["unit_price"])) * int(str(order["quantity"]))
        returned = order["end"] == "returned"
        if not returned and not (order["end"] == "delivered" and rng.random() < 0.02):
            continue
        at = int(str(order["at"])) + rng.uniform(3, 45) * DAY
        if at > LAST_MINUTE:
            continue
        part = 1.0 if returned else rng.choice([0.2, 0.25, 0.5])
        rows.append(
            {
                "order_id": order["order_id"],
                "refunded_at": stamp(at),
                "amount": f"{paid * part:.2f}",
                "reason": rng.choice(["damaged", "not as expected", "late", "changed mind", ""]),
            }
        )
    rows.sort(key=lambda row: (row["refunded_at"], row["order_id"]))
    rows = [{"refund_id": f"R-{number:04d}", **row} for number, row in enumerate(rows, start=1)]
    rows += [dict(row) for row in rng.sample(rows, 5)]
    rows.append({**rows[-1], "refund_id": "R-9999", "order_id": 99_999})
    return rows


def make_sessions(rng: random.Random, people: Sequence[Row]) -> list[Row]:
    """Visits of the web shop: of people once they joined, and of people nobody knows."""
    rows = [row for person in people for row in sessions_of(rng, person)]
    rows += [session(rng, "", minute, rng.gauss(-0.6, 0.8)) for minute in minutes(rng, 4200)]
    rows.sort(key=lambda row: (row["started_at"], row["customer_id"]))
    return [{"session_id": number, **row} for number, row in enumerate(rows, start=1)]


def sessions_of(rng: random.Random, person: Row) -> Iterable[Row]:
    """A busy first week that shows the taste, then now and then."""
    joined, taste = int(str(person["joined"])), float(str(person["taste"]))
    channel, id_ = str(person["channel"]), str(person["customer_id"])
    for _ in range(poisson(rng, math.exp(0.35 + 0.55 * taste))):
        yield session(rng, id_, joined + rng.uniform(0, 7 * DAY), taste, channel)
    at = max(joined, 0) + 7 * DAY + rng.expovariate(1 / (45 * DAY))
    while at < DAYS * DAY:
        yield session(rng, id_, at, taste, channel)
        at += rng.expovariate(1 / (60 * DAY))


def session(
    rng: random.Random, customer_id: str, at: float, taste: float, channel: str | None = None
) -> Row:
    views = 1 + poisson(rng, math.exp(1.0 + 0.35 * taste))
    return {
        "customer_id": customer_id,
        "started_at": stamp(at),
        "device": rng.choices(["mobile", "desktop", "tablet"], [58, 36, 6])[0],
        "channel": channel or weighted(rng, CHANNELS),
        "page_views": views,
        "cart_adds": poisson(rng, 0.12 * views * math.exp(0.5 * taste) / 3),
        "seconds": int(views * rng.uniform(10, 70)),
    }


def write_sessions(rows: Sequence[Row]) -> None:
    """raw/sessions/<month>.parquet. A visit late in the evening arrives a day later."""
    folder = ROOT / "raw" / "sessions"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as con:
        path = Path(scratch) / "sessions.csv"
        write_rows(path, rows)
        con.execute("create table sessions as from read_csv(?)", [str(path)])
        for month in range(1, 7):
            con.execute(
                f"""
                copy (
                    from sessions
                    where started_at >= '2025-01-01' and started_at < '2025-07-01'
                      and least(month(started_at + interval 2 hours), 6) = {month}
                    order by session_id
                ) to '{folder / f"2025-{month:02d}.parquet"}' (format parquet, compression zstd)
                """
            )


def write_csv(name: str, rows: Sequence[Row]) -> None:
    (ROOT / "seeds").mkdir(exist_ok=True)
    write_rows(ROOT / "seeds" / f"{name}.csv", rows)


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def minutes(rng: random.Random, count: int) -> list[int]:
    return sorted(to_shop_hours(rng, rng.uniform(0, DAYS * DAY - DAY)) for _ in range(count))


def to_shop_hours(rng: random.Random, at: float) -> int:
    """The same day at a likely hour; every other order of a midweek day moves on to the weekend."""
    day = int(at // DAY)
    weekday = date.fromordinal(EPOCH.toordinal() + day).weekday()
    if weekday in (1, 2) and rng.random() < 0.35:
        day = min(day + 5 - weekday, DAYS - 1)
    hour = min(max(rng.gauss(17, 4), 6), 23.9)
    return int(day * DAY + hour * 60)


def price_at(prices: Sequence[Row], product_id: str, moment: str) -> float:
    valid = [p for p in prices if p["product_id"] == product_id and str(p["valid_from"]) <= moment]
    return float(str(max(valid, key=lambda p: str(p["valid_from"]))["list_price"]))


def stamp(minute: object) -> str:
    at = datetime.fromtimestamp(EPOCH.timestamp() + 60 * int(float(str(minute))), UTC)
    return at.strftime("%Y-%m-%d %H:%M:%S")


def dirty_text(rng: random.Random, text: str) -> str:
    draw = rng.random()
    if draw < 0.06:
        return text.upper()
    if draw < 0.12:
        return text.title()
    return f" {text} " if draw < 0.16 else text


def weighted(rng: random.Random, shares: dict[str, float]) -> str:
    return rng.choices(list(shares), list(shares.values()))[0]


def poisson(rng: random.Random, mean: float) -> int:
    limit, product, count = math.exp(-min(mean, 20)), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


if __name__ == "__main__":
    main()
