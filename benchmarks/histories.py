"""Counts of slices and rows -> projects: facts to cut up, and pasts that are long or in many pieces.

A history of 5,000 rebuilds would take an hour to make by 5,000 commands. So a project is built once,
and the rows of its slices, which docs/state.md describes, are then written as those commands would
have left them: one row for each rebuild, each at a tick of its own, the reader's after its input's.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

STATE = ".sqlpipes/state.db"
START = datetime(2004, 1, 1)
SECONDS = {"minute": 60, "hour": 3600, "day": 86400}

Row = tuple[int, int, int, int]  # low, high, read_at, written_at

RAW = "select timestamp '2004-01-01 00:00:00' as moment, 1 as amount"


def write_one(folder: Path) -> None:
    """The base: one asset without slices."""
    write(folder, "one", "materialized: table", "select 1 as n")


def write_chain(folder: Path, grain: str, count: int, links: int = 2) -> None:
    """Assets cut alike in `count` slices, each reading the one before, slice by slice."""
    end = datetime.fromtimestamp(
        START.replace(tzinfo=UTC).timestamp() + count * SECONDS[grain], UTC
    )
    end = end.replace(tzinfo=None)
    cut = f"partition: {{by: {grain}, column: moment, start: {START}, end: {end}}}"
    write(folder, "link_0", cut, RAW)
    for i in range(1, links):
        settings = f"{cut}\ninputs: {{link_{i - 1}: same}}"
        write(folder, f"link_{i}", settings, f"select moment, amount from link_{i - 1}")


def write_values(folder: Path, count: int) -> None:
    """Two assets cut by so many values, the one reading the other."""
    values = f"select 'value ' || range as name, 1 as amount from range({count})"
    write(folder, "names", "materialized: table", values)
    cut = "partition: {by: values, column: name, values_from: select name from names}"
    write(folder, "by_name", f"{cut}\ninputs: {{names: as_of_build}}", "select * from names")
    settings = f"{cut}\ninputs: {{by_name: same, names: as_of_build}}"
    write(folder, "again", settings, "select * from by_name")


FACT = "select order_id, ordered_on, customer_id, channel, amount from raw_orders"
DAYS = 365


def write_fact(folder: Path, changes: str = "count") -> None:
    """A year of orders, cut into days. `changes`: how its source table is looked at."""
    cut = "partition: {by: day, column: ordered_on, start: 2025-01-01, end: 2026-01-01}"
    write(folder, "orders", f"{cut}\ninputs: {{raw_orders: as_of_build}}", FACT)
    source = f"{{name: main, tables: [{{name: raw_orders, changes: {changes}}}]}}"
    (folder / "models/sources.yml").write_text(f"sources: [{source}]\n", encoding="utf-8")


def raw_sql(rows: int) -> str:
    """The fact's source: in the order of time, as facts come."""
    return (
        "create table raw_orders as select i as order_id, "
        f"date '2025-01-01' + (i * {DAYS} // {rows})::int as ordered_on, "
        "(hash(i) % 1000003)::int as customer_id, "
        "['web', 'shop', 'phone', 'app'][1 + (hash(i + 1) % 4)::int] as channel, "
        "((hash(i + 2) % 1000000) / 100)::decimal(12, 2) as amount "
        f"from range({rows}) as t(i)"
    )


def write_months(folder: Path) -> None:
    """Six months of a small table."""
    cut = "partition: {by: month, column: month, start: 2025-01, end: 2025-07}"
    query = "select date_trunc('month', day)::date as month, count(*) as n from ("
    query += f"\n{SMALL}\n) group by all"
    write(folder, "months", cut, query)


SMALL = "select date '2025-01-01' + (range % 181)::int as day from range(10000)"


def write(folder: Path, name: str, settings: str, query: str) -> None:
    path = folder / "models" / f"{name}.sql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"/*\n---\n{settings}\n---\n*/\n{query}\n", encoding="utf-8")


def fragment(folder: Path, rebuilds: int) -> None:
    """As if so many single slices, spread over all, had been rebuilt one by one, in link_0 and link_1."""
    with closing(sqlite3.connect(folder / STATE)) as db, db:
        sql = "select min(low), max(high) from sqlpipes_slices where asset = 'link_0'"
        low, high = db.execute(sql).fetchone()
        tick = db.execute("select max(tick) from sqlpipes_ticks").fetchone()[0]
        chosen = random.Random(7).sample(range(low, high), rebuilds)
        for i in (0, 1):
            written = {one: tick + 4 * n + 2 * i + 1 for n, one in enumerate(chosen)}
            put_slices(db, f"link_{i}", written)
        db.execute("update sqlpipes_ticks set tick = tick + ?", (4 * rebuilds,))


def be_late(folder: Path) -> None:
    """As if a slice in the middle of link_0, and nothing that reads it, had been written just now."""
    with closing(sqlite3.connect(folder / STATE)) as db, db:
        sql = "select (min(low) + max(high)) / 2 from sqlpipes_slices where asset = 'link_0'"
        middle = db.execute(sql).fetchone()[0]
        tick = db.execute("select max(tick) from sqlpipes_ticks").fetchone()[0]
        put_slices(db, "link_0", {middle: tick + 1})
        db.execute("update sqlpipes_ticks set tick = tick + 2")


def put_slices(db: sqlite3.Connection, asset: str, written: Mapping[int, int]) -> None:
    """Cut single slices out of the rows of an asset; `written`: slice -> the tick at which it read."""
    sql = "select low, high, read_at, written_at from sqlpipes_slices where asset = ? order by low"
    rows = [row for old in db.execute(sql, (asset,)) for row in rest_of(old, written)]
    rows += [(one, one + 1, at, at + 1) for one, at in written.items()]
    names = "target, asset, grain, version, low, high, read_at, written_at"
    shared = db.execute(
        "select target, asset, grain, version from sqlpipes_slices where asset = ?", (asset,)
    ).fetchone()
    db.execute("delete from sqlpipes_slices where asset = ?", (asset,))
    insert = f"insert into sqlpipes_slices ({names}) values (?, ?, ?, ?, ?, ?, ?, ?)"
    db.executemany(insert, [(*shared, *row) for row in rows])


def rest_of(row: Row, taken: Iterable[int]) -> Iterator[Row]:
    """What is left of a row without some of its slices."""
    low, high, read_at, written_at = row
    for one in sorted(one for one in taken if low <= one < high):
        if low < one:
            yield low, one, read_at, written_at
        low = one + 1
    if low < high:
        yield low, high, read_at, written_at
