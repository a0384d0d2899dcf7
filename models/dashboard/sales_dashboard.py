"""The finished tables -> output/sales_dashboard.html, one page without network, scripts or images.

Every chart is a function from rows to SVG text. The page follows the reader's light or dark mode.
"""

import json
from html import escape
from pathlib import Path
from string import Template

from sqlpipes import File, asset

SHELVES = ("Coffee", "Tea", "Brewing", "Tableware", "Gifts", "Unknown")
SEGMENTS = ("champion", "loyal", "regular", "new", "at risk", "asleep")


@asset(owner="sales@shop.example", kind="report")
def sales_dashboard(
    daily_trend,
    monthly_sales,
    daily_traffic,
    product_ranking,
    customer_segments,
    demand_forecast,
    lead_scores,
    lead_model: Path,
    context,
) -> File:
    """The page that the shop looks at in the morning."""
    days = rows(daily_trend.order("order_date"))
    segments = rows(
        customer_segments.aggregate("segment, count(*) people, sum(net_sales) net_sales")
    )
    model = json.loads(lead_model.read_text("utf-8"))
    page = PAGE.substitute(
        period=f"{days[0]['order_date']:%d %B} to {days[-1]['order_date']:%d %B %Y}",
        tiles=tiles(days, rows(daily_traffic), segments),
        trend=trend_chart(days),
        shelves=shelf_chart(rows(monthly_sales.order("sales_month, category"))),
        shelf_key="".join(
            f'<span><i class="s{i}"></i>{name}</span>' for i, name in enumerate(SHELVES)
        ),
        segments=segment_bars(segments),
        products=product_table(rows(product_ranking.filter("place = 1").order("margin desc"))),
        forecast=forecast_bars(rows(demand_forecast)),
        leads=lead_table(rows(lead_scores.order("probability desc, customer_id").limit(8))),
        auc=f"{model['metrics']['auc']:.2f}",
        tested=model["metrics"]["tested_on"],
    )
    file = context.file("output/sales_dashboard.html")
    Path(file).write_text(page, encoding="utf-8")
    return file


def rows(relation):
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def euro(amount):
    return f"€ {amount:,.0f}"


def tiles(days, traffic, segments):
    sales = sum(float(day["net_sales"]) for day in days)
    orders = sum(int(day["order_count"]) for day in days)
    visits = sum(day["visits"] for day in traffic)
    buyers = sum(row["people"] for row in segments)
    figures = [
        ("Net sales", euro(sales), "after refunds"),
        ("Orders", f"{orders:,}", f"€ {sales / orders:.2f} each"),
        ("Buyers", f"{buyers:,}", "not counting guests"),
        ("Visits", f"{visits:,}", f"{100 * orders / visits:.0f} orders per 100 visits"),
    ]
    return "".join(
        f"<div class=tile><h2>{name}</h2><b>{value}</b><small>{note}</small></div>"
        for name, value, note in figures
    )


def trend_chart(days, width=1080, height=260, left=44, bottom=24):
    """A bar a day and, over it, the line of the seven-day mean."""
    top = nice_top(max(float(day["net_sales"]) for day in days))
    step = (width - left) / len(days)

    def y(value):
        return (height - bottom) * (1 - float(value) / top) + 6

    parts = grid(top, y, width, left)
    line = []
    for number, day in enumerate(days):
        x, value = left + number * step, float(day["net_sales"])
        title = f"{day['order_date']:%a %d %b}: {euro(value)}, {day['order_count']} orders"
        parts.append(
            f'<rect class=day x="{x:.1f}" y="{y(value):.1f}" width="{step * 0.76:.1f}" '
            f'height="{y(0) - y(value):.1f}"><title>{title}</title></rect>'
        )
        line.append(f"{x + step * 0.38:.1f},{y(day['net_sales_7d']):.1f}")
        if day["order_date"].day == 1:
            parts.append(f'<text x="{x:.1f}" y="{height}">{day["order_date"]:%B}</text>')
    parts.append(f'<polyline class=mean points="{" ".join(line)}"/>')
    return svg(width, height + 6, parts, "Net sales per day")


def shelf_chart(months, width=520, height=240, left=44, bottom=24):
    """A column per month, its categories on top of each other."""
    names = sorted({row["sales_month"] for row in months})
    sold = {(row["sales_month"], row["category"]): float(row["net_sales"]) for row in months}
    top = nice_top(max(sum(sold.get((m, shelf), 0) for shelf in SHELVES) for m in names))
    step = (width - left) / len(names)

    def y(value):
        return (height - bottom) * (1 - value / top) + 6

    parts = grid(top, y, width, left)
    for number, month in enumerate(names):
        x, below = left + number * step + step * 0.18, 0.0
        for colour, shelf in enumerate(SHELVES):
            value = sold.get((month, shelf), 0.0)
            parts.append(
                f'<rect class=s{colour} x="{x:.1f}" y="{y(below + value):.1f}" '
                f'width="{step * 0.64:.1f}" height="{max(y(below) - y(below + value) - 1, 0):.1f}">'
                f"<title>{shelf}, {month:%B}: {euro(value)}</title></rect>"
            )
            below += value
        parts.append(f'<text x="{x + step * 0.32:.1f}" y="{height}" class=mid>{month:%b}</text>')
    return svg(width, height + 6, parts, "Net sales per month and category")


def segment_bars(segments):
    found = {row["segment"]: row for row in segments}
    ordered = [found[name] for name in SEGMENTS if name in found]
    return bars(
        [(row["segment"], float(row["net_sales"]), f"{row['people']} people") for row in ordered],
        euro,
    )


def forecast_bars(forecast):
    units: dict[str, float] = {}
    for row in forecast:
        units[row["category"]] = units.get(row["category"], 0.0) + float(row["expected_units"])
    ordered = sorted(units.items(), key=lambda item: -item[1])
    return bars([(name, value, "") for name, value in ordered], lambda v: f"{v:,.0f} pieces")


def bars(items, write):
    """Rows of (name, value, note) as horizontal bars in plain HTML: they scale by themselves."""
    most = max(value for _, value, _ in items)
    return "".join(
        f"<div class=bar><span>{escape(name)}<small>{note}</small></span>"
        f'<div><i style="width:{100 * value / most:.1f}%"></i></div><b>{write(value)}</b></div>'
        for name, value, note in items
    )


def product_table(products):
    lines = "".join(
        f"<tr><td>{escape(row['category'])}<td>{escape(row['product_name'])}"
        f"<td>{row['units']}<td>{euro(row['margin'])}"
        for row in products
    )
    return f"<table><tr><th>Category<th>Best product<th>Pieces<th>Margin{lines}</table>"


def lead_table(leads):
    lines = "".join(
        f"<tr><td>{escape(row['customer_id'])}<td>{escape(row['channel'])}"
        f"<td>{row['signed_up_on']:%d %b}<td>{100 * row['probability']:.0f} %"
        for row in leads
    )
    return f"<table><tr><th>Lead<th>Came by<th>Joined<th>Chance{lines}</table>"


def nice_top(value):
    """The next round number that is not below `value` and whose quarters are round as well."""
    size = 10.0 ** (len(str(int(value))) - 1)
    return next(size * s for s in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if size * s >= value)


def grid(top, y, width, left):
    lines = []
    for value in (0, top / 4, top / 2, top * 3 / 4, top):
        lines.append(f'<path d="M{left} {y(value):.1f}H{width}"/>')
        label = f"{value / 1000:g}k" if top >= 4000 else f"{value:g}"
        lines.append(f'<text x="{left - 8}" y="{y(value) + 4:.1f}" class=end>{label}</text>')
    return lines


def svg(width, height, parts, title):
    return (
        f'<svg viewBox="0 0 {width} {height}" role=img aria-label="{title}">{"".join(parts)}</svg>'
    )


PAGE = Template("""<!doctype html>
<html lang=en>
<meta charset=utf-8>
<meta name=viewport content="width=device-width">
<title>The shop: sales</title>
<style>
:root { color-scheme: light dark; --page: #f6f5f2; --card: #fff; --ink: #23282d; --soft: #6b737c;
  --line: #e6e4df; --main: #2f6f73; --day: #b9d3d3;
  --s0: #6f4e37; --s1: #5a8f5c; --s2: #2f6f73; --s3: #c9853d; --s4: #b4536a; --s5: #9aa0a6 }
@media (prefers-color-scheme: dark) { :root { --page: #16191c; --card: #1f2429; --ink: #e8e6e3;
  --soft: #97a0a8; --line: #31373d; --main: #6db5b4; --day: #34585a;
  --s0: #a9825f; --s1: #79b07a; --s2: #5aa5a8; --s3: #e0a458; --s4: #d27a90; --s5: #7d848a } }
* { box-sizing: border-box; margin: 0 }
body { font: 15px/1.45 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: var(--ink);
  background: var(--page); max-width: 1180px; margin: 0 auto; padding: 32px 20px 48px }
header { display: flex; align-items: baseline; gap: 14px; flex-wrap: wrap; margin-bottom: 20px }
h1 { font-size: 26px; letter-spacing: -.01em }
h2 { font-size: 14px; font-weight: 600; color: var(--soft); margin-bottom: 10px }
small, header span { color: var(--soft) }
main { display: grid; grid-template-columns: repeat(4, 1fr); gap: 16px }
.tile, section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 16px 18px }
section { grid-column: span 2; min-width: 0 }
section.wide { grid-column: 1 / -1 }
.tile h2 { margin-bottom: 2px }
.tile b { display: block; font-size: 28px; line-height: 1.25; letter-spacing: -.02em }
svg { display: block; width: 100%; height: auto; overflow: visible }
svg text { font-size: 12px; fill: var(--soft) }
svg path { stroke: var(--line) }
.end { text-anchor: end } .mid { text-anchor: middle }
.day { fill: var(--day) }
.mean { fill: none; stroke: var(--main); stroke-width: 2.5; stroke-linejoin: round }
.s0 { fill: var(--s0); background: var(--s0) } .s1 { fill: var(--s1); background: var(--s1) }
.s2 { fill: var(--s2); background: var(--s2) } .s3 { fill: var(--s3); background: var(--s3) }
.s4 { fill: var(--s4); background: var(--s4) } .s5 { fill: var(--s5); background: var(--s5) }
.key { display: flex; flex-wrap: wrap; gap: 4px 14px; margin-top: 12px; font-size: 13px }
.key i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 6px }
.bar { display: grid; grid-template-columns: 96px 1fr 92px; gap: 12px; align-items: center;
  padding: 5px 0 }
.bar span { text-transform: capitalize } .bar small { display: block; font-size: 12px;
  text-transform: none }
.bar div { background: var(--line); border-radius: 4px }
.bar div i { display: block; height: 14px; border-radius: 4px; background: var(--main) }
.bar b { font-weight: 600; text-align: right; font-variant-numeric: tabular-nums }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums }
th { text-align: left; font-weight: 500; color: var(--soft); font-size: 13px }
th, td { padding: 6px 8px 6px 0; border-bottom: 1px solid var(--line) }
tr:last-child td { border: 0 }
td:nth-child(n+3), th:nth-child(n+3) { text-align: right; padding-right: 0 }
@media (max-width: 760px) { main { grid-template-columns: repeat(2, 1fr) }
  section { grid-column: 1 / -1 } }
</style>
<header><h1>The shop</h1><span>$period</span></header>
<main>
$tiles
<section class=wide><h2>Net sales per day, and their seven-day mean (euro)</h2>$trend</section>
<section><h2>Net sales per month and category (euro)</h2>$shelves<div class=key>$shelf_key</div></section>
<section><h2>Net sales by customer segment</h2>$segments</section>
<section><h2>Best product of each category</h2>$products</section>
<section><h2>Expected demand, next four weeks</h2>$forecast</section>
<section class=wide><h2>Whom to write to: the leads most likely to buy within a month
  (model tested on $tested people, AUC $auc)</h2>$leads</section>
</main>
</html>
""")
