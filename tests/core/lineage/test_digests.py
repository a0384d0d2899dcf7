"""Equal digests mean equal values: said of pairs of texts, and tried on DuckDB with random ones."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping

import duckdb
import pytest
from dice import TABLES, Dice, query, rows_of_tables

from sqlpipes.core.asset import Column
from sqlpipes.core.lineage.digests import Digests, read_digests
from sqlpipes.core.lineage.types import Types

INPUTS: Mapping[tuple[str, ...], tuple[Column, ...] | None] = {
    (name,): tuple(Column(column, "INTEGER") for column in columns)
    for name, columns in TABLES.items()
} | {("far",): None}


def said(text: str, dialect: str = "duckdb") -> Digests:
    return read_digests(text, Types(dialect), INPUTS)


def moved(old: str, new: str, dialect: str = "duckdb") -> set[str | None]:
    """Columns whose digest differs or is not there; None among them: the rows."""
    one, other = said(old, dialect), said(new, dialect)
    found: set[str | None] = {
        name
        for name in one.columns.keys() | other.columns.keys()
        if not one.columns.get(name) or one.columns.get(name) != other.columns.get(name)
    }
    return found | ({None} if not one.rows or one.rows != other.rows else set())


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("select a, b from t", "SELECT  A ,\n b -- as it was\nFROM T"),
        ("select a, b from t", "select t.a, x.b from t as x".replace("t.a", "x.a")),
        ("select a, b from t", "select b, a from t"),
        ("select a, b, c from t", "select * from t"),
        ("select a, b from t", "select * exclude (c) from t"),
        ("select a as x, b from t", "select * exclude (c) rename (a as x) from t"),
        ("select a, b + 1 as b, c from t", "select * replace (b + 1 as b) from t"),
        ("with q as (select a from t) select a from q", "with r as (select a from t) select a from r"),
        ("with q as (select a from t) select a from q", "select a from (select a from t)"),
        ("with q as (select * from t) select a from q", "with q as (select a, b, c from t) select a from q"),
        ("select a from t where b > 1", "select a from t where ((b) > 1)"),
        ("select a, sum(b) as s from t group by a", "select a, sum(b) as s from t group by 1"),
        ("select a, sum(b) as s from t group by all", "select a, SUM(b) as s from t group by all"),
        ("select d from far as x", "select d from far y"),
    ],
)  # fmt: skip
def test_what_is_only_told_otherwise_moves_nothing(old: str, new: str) -> None:
    if "group by 1" in new:  # a place and a name are not told to be the same
        assert moved(old, new) == {None}
        return
    assert moved(old, new) == set()


@pytest.mark.parametrize(
    ("old", "new", "columns"),
    [
        ("select a, b from t", "select a, b + 1 as b from t", {"b"}),
        ("select a, b from t", "select a, b, c from t", {"c"}),
        ("select a, b from t", "select a from t", {"b"}),
        ("select a, b from t", "select a, b from t where c > 1", {None}),
        ("select a, b from t where c > 1", "select a, b from t where c > 2", {None}),
        ("select a, b from t", "select distinct a, b from t", {None}),
        ("select distinct a, b from t", "select distinct a, b + 1 as b from t", {"b", None}),
        ("select a, b as n from t where n > 1", "select a, c as n from t where n > 1", {"n", None}),
        ("select a, b as n, n + 1 as m from t", "select a, c as n, n + 1 as m from t", {"n", "m"}),
        ("select a, b as c from t where c > 1", "select a, b + 1 as c from t where c > 1", {"c"}),
        ("select sum(a) as s, 1 as k from t", "select a as s, 1 as k from t", {"s", None}),
        ("select a, sum(b) as s from t group by all", "select a, b as s from t group by all", {"s", None}),
        ("select x.a from t x join t y on x.a = y.b", "select y.a from t x join t y on x.a = y.b", {"a"}),
        ("select x.a from t x, t y", "select y.a from t x, t y", {"a"}),
        ("select a, unnest([1, 2]) as n from t", "select a, unnest([1, 2, 3]) as n from t", {"n", None}),
        (
            "with q as (select a, b from t) select a, b from q",
            "with q as (select a, c as b from t) select a, b from q",
            {"b"},
        ),
        (
            "with q as (select a, b from t) select a from q where b > 1",
            "with q as (select a, c as b from t) select a from q where b > 1",
            {None},
        ),
        (
            "with q as (select a, b from t) select * from q",
            "with q as (select a, b from t limit 3) select * from q",
            {None},
        ),
        (
            "select a, (select max(d) from u where u.a = t.a) as m from t",
            "select a, (select max(e) from u where u.a = t.a) as m from t",
            {"m"},
        ),
        (
            "select a from t where exists (select 1 from u where u.a = t.a)",
            "select a from t where exists (select 1 from u where u.d = t.a)",
            {None},
        ),
        ("select a from t union all select d from u", "select a from t union all select e from u", {"a"}),
        ("select a from t union select d from u", "select a from t union select e from u", {"a", None}),
        ("select a, b from t order by b limit 2", "select a, b from t order by a limit 2", {None}),
        ("select a from t join u using (a)", "select a from t left join u using (a)", {None}),
        (
            "select a, sum(b) over w as s from t window w as (partition by a)",
            "select a, sum(b) over w as s from t window w as (partition by c)",
            {"s"},
        ),
        ("select 'x' as s from t", "select 'X' as s from t", {"s"}),
        ("select \"a\" from t", "select a as a from t", set()),
        (
            "select list_filter([a], x -> x > b) as l from t",
            "select list_filter([a], x -> x > c) as l from t",
            {"l"},
        ),
        (
            "select 1 as a union all select d from u where e > 1",
            "select 1 as a union all select d from u",
            {None},
        ),
        (
            "with recursive r as (select 1 as i, 2 as j union all select i + 1, j from r) select i, j from r",
            "with recursive r as (select 1 as i, 3 as j union all select i + 1, j from r) select i, j from r",
            {"i", "j", None},
        ),
        ("select d from far", "select e as d from far", {"d"}),
    ],
)  # fmt: skip
def test_what_is_computed_otherwise_moves(old: str, new: str, columns: set[str | None]) -> None:
    assert moved(old, new) == columns


@pytest.mark.parametrize(
    "text",
    [
        "select * from t natural join u",
        "pivot t on a using sum(b)",
        "select columns('a|b') from t",
        "select nothing_at_all from t where neither > 1",
        "select a from t tablesample 10",
        "not even sql",
        "select 1; select 2",
    ],
)
def test_what_is_not_understood_has_no_digest(text: str) -> None:
    found = said(text)
    assert found.rows == "" or "" in found.columns.values()


def test_a_column_that_is_not_understood_leaves_the_others() -> None:
    assert moved("select a, #2 as p from t", "select a, #2 as p from t") == {"p"}


@pytest.mark.parametrize(
    ("text", "loose"),
    [
        ("select a, b from t", set()),
        ("select a, row_number() over (partition by a order by b) as n from t", {"n"}),
        ("select a, rank() over (partition by a order by b) as n from t", set()),
        ("select a, sum(b) over (order by c rows 2 preceding) as n from t", {"n"}),
        ("select a, list(b) as n from t group by a", {"n"}),
        ("select a, random() as n from t", {"n"}),
        ("select t.a, d from t asof left join u on t.a = u.a and t.b >= u.d", {"d"}),
        ("select t.a from t asof join u on t.a = u.a and t.b >= u.d where e > 1", {None}),
        ("select t.a, d from t positional join u", {None}),
        ("select a from t limit 3", {None}),
        ("select distinct on (a) a, b from t", {None}),
        ("with q as (select a, any_value(b) as n from t group by a) select a, n + 1 as m from q", {"m"}),
        ("with q as (select a, any_value(b) as n from t group by a) select a from q where n > 1", {None}),
        ("with q as (select a from t limit 3) select a from q", {None}),
    ],
)  # fmt: skip
def test_what_may_differ_from_run_to_run_is_loose(text: str, loose: set[str | None]) -> None:
    assert said(text).loose == loose


@pytest.mark.parametrize("dialect", ["postgres", "spark", "snowflake"])
def test_other_dialects(dialect: str) -> None:
    b, n = ("B", "N") if dialect == "snowflake" else ("b", "n")
    assert moved("select a, b from t", "select a, b + 1 as b from t", dialect) == {b}
    assert moved("select a, f(b) as n from t", "select a, f(c) as n from t", dialect) == {n, None}


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    for table, rows in rows_of_tables().items():
        connection.execute(f"create table {table} ({', '.join(f'{c} int' for c in TABLES[table])})")
        connection.executemany(f"insert into {table} values (?, ?, ?)", rows)
    with connection:
        yield connection


def rows_of(connection: duckdb.DuckDBPyConnection, text: str, names: list[str]) -> list[str]:
    listed = ", ".join(names) or "1"
    return sorted(map(repr, connection.execute(f"select {listed} from ({text})").fetchall()))


def check_pair(connection: duckdb.DuckDBPyConnection, dice: random.Random) -> bool:
    """Columns of equal digests hold equal rows together. Whether there was something to say."""
    seed = dice.randrange(10**9)
    first = Dice(seed, -1, 0)
    old = query(first, 2)
    new = query(Dice(seed, dice.randrange(first.count), dice.randrange(1, 9)), 2)
    one, other = said(old), said(new)
    assert one.rows, f"not understood: {old}"
    if old == new or one.rows != other.rows:
        return False
    same = [name for name in one.columns if one.columns[name] == other.columns.get(name)]
    told = f"{old}\n{new}\n{same}"
    assert rows_of(connection, old, same) == rows_of(connection, new, same), told
    return True


def test_equal_digests_hold_equal_values(warehouse: duckdb.DuckDBPyConnection) -> None:
    dice = random.Random(11)
    assert sum(check_pair(warehouse, dice) for _ in range(1_000)) > 100


@pytest.mark.nightly
def test_equal_digests_hold_equal_values_many_times(warehouse: duckdb.DuckDBPyConnection) -> None:
    dice = random.Random()
    assert sum(check_pair(warehouse, dice) for _ in range(60_000)) > 6_000


def test_the_key_of_a_recursion_counts() -> None:
    text = (
        "with recursive r(k, v) using key ({}) as (select a, b from t union select k, v from r "
        "where v < 0) select k, v from r"
    )
    assert moved(text.format("k"), text.format("v")) == {"k", "v", None}
    assert said(text.format("k")).loose == {"k", "v", None}


def test_a_query_in_a_list_has_no_order() -> None:
    assert said("select array(select b from t) as l, a from t").loose == {"l"}
    assert said("select [a, b] as l from t").loose == set()
