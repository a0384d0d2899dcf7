"""What one text says: problems and their places, files, docs, volatile calls, unused CTEs."""

from __future__ import annotations

import json
import subprocess
import sys
from types import ModuleType

import pytest

from sqlpipes.core.errors import Location, Severity
from sqlpipes.core.sql import SqlFacts, analyse, rewrite

AT = Location("models/m.sql", 7, 5)


def facts_of(sql: str, dialect: str = "duckdb") -> SqlFacts:
    return analyse(sql, dialect, at=Location("m.sql"))


def tables(sql: str, dialect: str) -> list[str]:
    return [str(r) for r in facts_of(sql, dialect).references]


def test_places_are_those_of_the_users_file() -> None:
    facts = analyse("from a, b\njoin c on true", "duckdb", at=AT)
    assert [(str(r), r.line, r.column) for r in facts.references] == [
        ("a", 7, 10),
        ("b", 7, 13),
        ("c", 8, 6),
    ]


def test_a_place_behind_a_dollar_quoted_text_over_lines() -> None:
    facts = facts_of("select $$\n\n$$ as s,\r\n  1 from t oops oops oops")
    assert [(r.line, r.column) for r in facts.references] == [(4, 10)]
    assert facts.problems[0].at == Location("m.sql", 4, 17, 4)


def test_aliases() -> None:
    facts = facts_of("from a, b as x, c y, d: s.e, (from f) g")
    assert [r.alias for r in facts.references] == [None, "x", "y", "d", None]


@pytest.mark.parametrize(
    ("sql", "code", "severity", "line", "column"),
    [
        ("select (1 +\n  (2)\nfrom t", "SQL001", Severity.ERROR, 1, 8),
        ("select 1)\nfrom t", "SQL001", Severity.ERROR, 1, 9),
        ("select [1)", "SQL001", Severity.ERROR, 1, 10),
        ("select 1,\n 'abc", "SQL001", Severity.ERROR, 2, 2),
        ('select "abc', "SQL001", Severity.ERROR, 1, 8),
        ("select 1 /* abc", "SQL001", Severity.ERROR, 1, 10),
        ("select a from t\nwibble wobble of t", "SQL001", Severity.WARNING, 2, 8),
        ("select 1;\n\n select 2;", "SQL002", Severity.ERROR, 3, 2),
        ("", "SQL003", Severity.ERROR, 1, 1),
        (" -- later\n;", "SQL003", Severity.ERROR, 1, 1),
        ("insert into a select * from b", "SQL004", Severity.ERROR, 1, 1),
        ("\nCREATE OR REPLACE TABLE a AS SELECT 1", "SQL004", Severity.ERROR, 2, 1),
        ("with x as (select 1) delete from a", "SQL004", Severity.ERROR, 1, 22),
        ("set threads = 3", "SQL004", Severity.ERROR, 1, 1),
        ("explain select 1", "SQL004", Severity.ERROR, 1, 1),
        ("from query('from ' || x)", "SQL005", Severity.WARNING, 1, 6),
        ("from query('select ''x'' from t')", "SQL005", Severity.WARNING, 1, 6),
    ],
)
def test_a_problem_and_its_place(
    sql: str, code: str, severity: Severity, line: int, column: int
) -> None:
    (problem,) = facts_of(sql).problems
    assert (problem.code, problem.severity) == (code, severity)
    assert problem.at is not None
    assert (problem.at.line, problem.at.column) == (line, column)


@pytest.mark.parametrize(
    "sql",
    ["select 1;", "select ';'; -- ;\n", "values (1)", "table t", "summarize t", "(((select 1)))"],
)
def test_one_query_has_no_problem(sql: str) -> None:
    assert facts_of(sql).problems == ()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("select (", ")"), ("select [", "]"), ("select {'a': ", "}"), ("select f(", ")"),
        ("select case when true then ", " end"), ("select (select ", ")"),
        ("select exists (select 1 where ", ")"), ("select cast(1 as struct(a ", "int))"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("depth", [3_000, 30_000])
def test_a_query_nested_too_deeply_is_opaque_and_keeps_its_tables(
    before: str, after: str, depth: int
) -> None:
    """On Python 3.12 and newer the parser would end the process."""
    first, more = before.split(" ", 1)
    facts = facts_of(f"{first} {more * depth}1{after * depth} from t")
    assert facts.opaque
    assert [str(r) for r in facts.references] == ["t"]


@pytest.mark.parametrize("row", ["a{}", "a::integer{}"])
def test_brackets_in_a_row_nest_as_well(row: str) -> None:
    chain = "[1]" if row == "a{}" else "[]"
    short, long = (facts_of(f"select {row.format(chain * n)} from t") for n in (50, 3_000))
    assert (short.opaque, long.opaque) == (False, True)


def test_what_people_nest_is_read() -> None:
    facts = facts_of("select " + "(" * 100 + "1" + ")" * 100 + " from t")
    assert not facts.opaque
    lists = ", ".join(f"a[{i}], b::integer[] as b{i}" for i in range(400))
    assert not facts_of(f"select {lists} from t").opaque


def test_a_long_chain_of_unions_is_no_trouble() -> None:
    sql = " union all ".join(f"select * from t{i}" for i in range(400))
    assert len(facts_of(sql).references) == 400


def test_nothing_is_printed() -> None:
    script = (
        "from sqlpipes.core.sql import analyse\n"
        "from sqlpipes.core.errors import Location\n"
        "for sql in ['show x y z', 'call f(1)', 'vacuum a b', \"select j -> '$[' from t\", 'select']:\n"
        "    analyse(sql, 'duckdb', at=Location('m.sql'))\n"
        "    analyse(sql, 'mysql', at=Location('m.sql'))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_importing_the_room_does_not_import_the_parser() -> None:
    script = (
        "import sys, sqlpipes.core.sql as room\n"
        "from sqlpipes.core.sql import *\n"
        "room.SqlFacts.from_json(room.SqlFacts().to_json())\n"
        "room.bare('select 1;'), room.rewrite('a', [])\n"
        "assert 'sqlglot' not in sys.modules\n"
        "room.digest('select 1', 'duckdb')\n"
        "assert 'sqlglot' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_all_is_what_the_room_exports() -> None:
    import sqlpipes.core.sql as room

    named = {name for name in vars(room) if not name.startswith("_") and name != "annotations"}
    modules = {name for name in named if isinstance(getattr(room, name), ModuleType)}
    assert named - modules - {"Location"} == set(room.__all__)


def test_files_come_with_the_span_of_their_pattern() -> None:
    sql = "select * from read_csv(['a.csv', 'b/*.csv'], delim = ';') join \"c.parquet\" p on true"
    facts = facts_of(sql)
    assert [f.pattern for f in facts.files] == ["a.csv", "b/*.csv", "c.parquet"]
    assert [sql[f.start : f.end] for f in facts.files] == ["'a.csv'", "'b/*.csv'", '"c.parquet"']
    assert not facts.references


def test_an_opaque_query_keeps_its_files() -> None:
    facts = facts_of("pivot 'x.csv' on a in (1) using sum(b) order by all")
    assert facts.opaque
    assert [f.pattern for f in facts.files] == ["x.csv"]


def test_a_spark_file_by_its_format() -> None:
    facts = facts_of("select * from parquet.`s3://b/x`, db.`t`", "spark")
    assert [f.pattern for f in facts.files] == ["s3://b/x"]
    assert [str(r) for r in facts.references] == ["db.t"]


def test_docs_are_the_comments_behind_the_columns_of_the_final_select() -> None:
    sql = """
    with a as (select x -- not this
        from t)
    select
        -- nor this
        order_date,                     -- the shop's local date
        customer_id /* who bought */ , -- and not both
        t.n -- as it is
        , sum(amount) as revenue,       /* after
                                           refunds */
        count(*), -- has no name
        case when x then y end, -- neither
        x::int, -- nor this
        total: a + b, -- in front
        "Odd Name" -- quoted
    from a -- not this
    union all select 1 as z -- nor that
    """
    assert facts_of(sql).docs == (
        ("order_date", "the shop's local date"),
        ("customer_id", "who bought"),
        ("n", "as it is"),
        ("revenue", "after refunds"),
        ("total", "in front"),
        ("Odd Name", "quoted"),
    )


def test_docs_with_commas_in_front_and_from_first() -> None:
    assert facts_of("from t select a -- one\n , b -- two").docs == (("a", "one"), ("b", "two"))
    assert facts_of("select a, /* b's */ b from t").docs == ()
    assert facts_of("select a is distinct from b as c, -- same\n d from t").docs == (("c", "same"),)
    assert facts_of("select a -- A", "postgres").docs == (("a", "A"),)


def test_volatile_calls_once_per_use() -> None:
    sql = "select NOW(), random(), random(), current_date, 'today'::date, nextval('s') from t"
    assert facts_of(sql).volatile == ("now", "random", "random", "current_date", "today", "nextval")


def test_a_sample_is_volatile() -> None:
    assert facts_of("from t tablesample 10%").volatile == ("tablesample",)
    assert facts_of("select sample from t using sample 3").volatile == ("sample",)


def test_a_byte_order_mark_is_space() -> None:
    facts = facts_of("\ufeffselect 1 from t")
    assert not facts.opaque
    assert facts.digest == facts_of("select 1 from t").digest
    assert [(r.start, r.column) for r in facts.references] == [(15, 16)]


@pytest.mark.parametrize(
    "sql",
    [
        "with a as (select 1) select update, f(x) delete from t",
        "with update as (from t) from update",
    ],
)
def test_a_column_may_be_named_like_a_command(sql: str) -> None:
    facts = facts_of(sql)
    assert facts.problems == ()
    assert [str(r) for r in facts.references] == ["t"]


@pytest.mark.parametrize(
    "sql",
    [
        "select now, t.current_date, x as current_date, 'now', \"current_date\" from random",
        "select '-- now()' /* random() */ from t",
        "select today.x from today",
    ],
)
def test_what_is_only_named_so_is_not_volatile(sql: str) -> None:
    assert facts_of(sql).volatile == ()


def test_unused_ctes() -> None:
    sql = (
        "with a as (select 1),\n b as (from a),\n c as (from t),\n"
        " d as (with e as (select 2) select 3)\nselect * from b, query_table('c')"
    )
    found = [(cte.name, cte.at.line, cte.at.column) for cte in facts_of(sql).unused_ctes]
    assert found == [("d", 4, 2), ("e", 4, 13)]


def test_a_recursive_cte_that_only_itself_reads_is_unused() -> None:
    facts = facts_of("with recursive a as (select 1 as n union all select n from a) select 1")
    assert [cte.name for cte in facts.unused_ctes] == ["a"]


def test_names_inside_strings_can_be_rewritten() -> None:
    sql = "select * from query('from t join s.u on true'), query_table('s.v')"
    facts = facts_of(sql)
    assert rewrite(sql, [(r.start, r.end, "X") for r in facts.references]) == (
        "select * from query('from X join X on true'), query_table('X')"
    )


@pytest.mark.parametrize(
    ("sql", "dialect", "expected"),
    [
        ('with "A" as (select 1) select * from a, "A"', "postgres", ["a"]),
        ('with A as (select 1) select * from a, "A"', "postgres", ["A"]),
        ("with recursive a as (select * from b), b as (select 1) select * from a", "postgres", []),
        ("with a as (select 1 union all select * from a) select * from a", "tsql", []),
        ("select * from [my db].[dbo].[t] as x cross apply f(x.y) g", "tsql", ["my db.dbo.t"]),
        ("select * from orders o, o.items i", "bigquery", ["orders"]),
        ("select * from `p.d.t`, p2.d2.t2", "bigquery", ["p.d.t", "p2.d2.t2"]),
        ("select * from t, lateral flatten(input => t.x) f", "snowflake", ["t"]),
        ("select * from t lateral view explode(t.xs) e as x", "spark", ["t"]),
        ("select * from `a b`.`c`", "mysql", ["a b.c"]),
        ("select * from only parents, generate_series(1, 2)", "postgres", ["parents"]),
        ("with a as (select * from b), b as (select 1) select * from a", "sqlite", []),
        ("select * from t", "an engine nobody knows", ["t"]),
        ("select * from t", "postgresql", ["t"]),
    ],
)
def test_other_dialects(sql: str, dialect: str, expected: list[str]) -> None:
    facts = facts_of(sql, dialect)
    assert [str(r) for r in facts.references] == expected
    assert all(p.severity is not Severity.ERROR for p in facts.problems)
    assert not facts.opaque


@pytest.mark.parametrize(
    "sql",
    [
        "with a as (select 1) select x, -- doc\n now() from s.\"T t\" as k, 'x.csv'",
        "pivot t on a order by b",
        "select (",
        "",
    ],
)
def test_facts_survive_the_cache(sql: str) -> None:
    facts = analyse(sql, "duckdb", at=AT)
    stored = json.loads(json.dumps(facts.to_json()))
    assert SqlFacts.from_json(stored, AT.file) == facts


def test_a_comment_goes_on_where_it_stands_below_itself() -> None:
    sql = """select a, -- the shop's
          -- local date
  -- a heading
  b -- amount
       -- apart
from t"""
    expected = (("a", "the shop's local date"), ("b", "amount"))
    assert facts_of(sql).docs == expected
    assert facts_of(sql.replace("\n", "\r\n")).docs == expected


def test_a_comment_of_the_last_column_goes_on_to_the_end() -> None:
    assert facts_of("from t select\n  a -- one\n    -- two").docs == (("a", "one two"),)


def test_the_dialects_by_name_are_those_of_the_parser() -> None:
    from sqlglot.dialects import Dialects

    from sqlpipes.core.sql.dialects import DIALECTS, OTHER_NAMES

    no_sql = {"", "dax", "prql", "solr"}
    assert {dialect.value for dialect in Dialects} - no_sql == DIALECTS
    assert set(OTHER_NAMES.values()) <= DIALECTS
