"""One statement -> its columns, value edges and row-set edges; DuckDB says what the names really are.

tests/fixtures/lineage/*.sql hold statements with what is expected of each in `-- ` lines below it:

    select id, a + 1 as b from t where c > 0
    -- id = t.id copied
    -- b = t.a computed
    -- rows: t.c where

`?` means incomplete, `! CODE line:column` a problem, `nothing` a constant. A blank line ends a case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from notyet import skip_on_duckdb_1

from sqlpipes.core.asset import Column
from sqlpipes.core.errors import Location, Severity
from sqlpipes.core.lineage import ColumnFacts, Edge, EdgeKind, RowSetKind, column_facts

FOLDER = Path(__file__).parents[2] / "fixtures" / "lineage"

Inputs = Mapping[tuple[str, ...], tuple[Column, ...] | None]

TABLES = {
    "t": "id INTEGER, a INTEGER, b DOUBLE, name VARCHAR, l INTEGER[], "
    "s STRUCT(f INTEGER, g VARCHAR), ts TIMESTAMP",
    "u": "id INTEGER, c INTEGER, ts TIMESTAMP",
}


def _columns(written: str) -> tuple[Column, ...]:
    found: list[str] = []
    for part in written.split(", "):
        if found and found[-1].count("(") > found[-1].count(")"):
            found[-1] += ", " + part
        else:
            found.append(part)
    return tuple(Column(*item.split(" ", 1)) for item in found)


INPUTS: Inputs = {
    **{(name,): _columns(written) for name, written in TABLES.items()},
    ("raw",): None,
    ("other",): None,
}


@dataclass(frozen=True)
class Case:
    id: str
    sql: str
    expected: tuple[str, ...]


def cases() -> Iterator[Case]:
    for path in sorted(FOLDER.glob("*.sql")):
        for number, block in enumerate(path.read_text().strip().split("\n\n"), 1):
            lines = block.split("\n")
            expected = tuple(
                line[3:] for line in lines if line.startswith("-- ") and not line.startswith("-- #")
            )
            sql = "\n".join(line for line in lines if not line.startswith("-- "))
            yield Case(f"{path.stem}-{number}", sql, expected)


def said(facts: ColumnFacts) -> list[str]:
    """The facts in the fixtures' language, one line a column."""
    names = [column.name for column in facts.columns]
    lines = [f"{name} = {_sources([e for e in facts.edges if e.column == name])}" for name in names]
    rest = [edge for edge in facts.edges if edge.column not in (*names, None)]
    lines += [f"{edge.column} = {_sources([edge])}" for edge in rest]
    rows = [edge for edge in facts.edges if edge.is_row_set]
    lines += [f"rows: {_sources(rows)}"] if rows else []
    lines += [] if facts.complete else ["?"]
    return lines + [f"! {p.code} {p.at.line}:{p.at.column}" for p in facts.problems if p.at]


def _sources(edges: list[Edge]) -> str:
    words = [f"{e.table}.{e.source} {e.kind}" if e.table else "nothing" for e in edges]
    return ", ".join(dict.fromkeys(words))


CASES = list(cases())


def facts_of(sql: str, dialect: str = "duckdb", line: int = 1, column: int = 1) -> ColumnFacts:
    return column_facts(sql, dialect, INPUTS, at=Location("models/m.sql", line, column))


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for name, columns in TABLES.items():
            connection.execute(f"create table {name} ({columns})")
        yield connection


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 100


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_edges(case: Case) -> None:
    assert said(facts_of(case.sql)) == list(case.expected)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_names_and_order_are_duckdbs(case: Case, warehouse: duckdb.DuckDBPyConnection) -> None:
    facts = facts_of(case.sql)
    if not facts.listed or any(problem.is_error for problem in facts.problems):
        return
    if any(table in case.sql for table in ("raw", "other", "some_function")):
        return  # DuckDB does not have these
    if case.id == "joins-18":
        skip_on_duckdb_1("no alias for joins in brackets")
    described = warehouse.execute(f"describe select * from ({case.sql})").fetchall()
    assert [column.name for column in facts.columns] == [row[0] for row in described]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_an_error_is_one_for_duckdb_too(case: Case, warehouse: duckdb.DuckDBPyConnection) -> None:
    if not any(problem.is_error for problem in facts_of(case.sql).problems):
        return
    with pytest.raises(duckdb.BinderException):
        warehouse.execute(f"describe {case.sql}")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_json_gives_the_same_facts(case: Case) -> None:
    facts = column_facts(case.sql, "duckdb", INPUTS, at=Location(""))
    assert ColumnFacts.from_json(facts.to_json()) == facts


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_an_expression_is_the_text_at_its_place(case: Case) -> None:
    lines = case.sql.split("\n")
    for edge in facts_of(case.sql).edges:
        if not edge.length:
            assert edge.expression == ""
            continue
        start = sum(len(line) + 1 for line in lines[: edge.line - 1]) + edge.column_at - 1
        text = " ".join(case.sql[start : start + edge.length].split())
        assert edge.expression in (text, f"using ({text})")
        assert edge.at == Location("models/m.sql", edge.line, edge.column_at, edge.length)


def test_places_are_those_of_the_file() -> None:
    facts = facts_of("select id,\n  a + 1 as é😀, nosuch\nfrom t where b > 0", line=10, column=5)
    places = {(edge.column, edge.line, edge.column_at) for edge in facts.edges}
    assert {("id", 10, 12), ("é😀", 11, 3), (None, 12, 14)} <= places
    assert [str(problem.at) for problem in facts.problems] == ["models/m.sql:11:16"]
    assert facts.problems[0].at == Location("models/m.sql", 11, 16, len("nosuch"))


def test_the_expression_is_the_users_text() -> None:
    facts = facts_of("select sum( b )  /* net */ + 1 as x from t where  name = 'it''s' and a>1")
    assert [edge.expression for edge in facts.edges] == [
        "sum( b ) + 1",
        "name = 'it''s' and a>1",
        "name = 'it''s' and a>1",
    ]


def test_the_expression_is_that_of_the_definition() -> None:
    facts = facts_of("with x as (select a * 2 as d from t)\nselect d as e from x")
    assert [(e.expression, e.line, e.kind) for e in facts.edges] == [
        ("a * 2", 1, EdgeKind.COMPUTED)
    ]


def test_hints_name_the_nearest() -> None:
    (problem,) = facts_of("select nam from t").problems
    assert (problem.code, problem.hint) == ("COL001", "did you mean 'name'?")
    (problem,) = facts_of("select o.a from t as oo").problems
    assert problem.hint == "did you mean 'oo'?"


def test_a_doubled_column_is_a_warning_where_duckdb_renames_it() -> None:
    (problem,) = facts_of("select id, a as id from t").problems
    assert problem.severity is Severity.WARNING
    (problem,) = facts_of("select id, a as id from t", "postgres").problems
    assert problem.severity is Severity.ERROR


def test_types() -> None:
    facts = facts_of(
        "select id, a::varchar as v, sum(b) as total, l[1] as x, s.g, name as n, l, s, a > 1 as p"
        " from t group by all"
    )
    assert [column.type for column in facts.columns] == [
        "INTEGER", "VARCHAR", "DOUBLE", "INTEGER", "VARCHAR", "VARCHAR", "INTEGER[]",
        "STRUCT(f INTEGER, g VARCHAR)", "BOOLEAN",
    ]  # fmt: skip


def test_postgres_compares_quoted_names_exactly() -> None:
    inputs: Inputs = {("t",): (Column("id"), Column("Id"))}
    facts = column_facts('select ID, "Id" from T', "postgres", inputs, at=Location("m.sql"))
    assert [(e.column, e.source, e.kind) for e in facts.edges] == [
        ("id", "id", EdgeKind.COPIED),
        ("Id", "Id", EdgeKind.COPIED),
    ]
    (problem,) = column_facts(
        'select "ID" from t', "postgres", inputs, at=Location("m.sql")
    ).problems
    assert problem.code == "COL001"


def test_postgres_names_functions_after_themselves() -> None:
    facts = facts_of("select count(*), sum(a) as s from t", "postgres")
    assert [column.name for column in facts.columns] == ["count", "s"]


@pytest.mark.parametrize("dialect", ["snowflake", "bigquery", "spark", "trino"])
def test_other_dialects_report_no_unknown_column(dialect: str) -> None:
    facts = column_facts("select nosuch, a from t", dialect, INPUTS, at=Location("m.sql"))
    assert facts.problems == ()
    assert len(facts.columns) == 2


def test_a_thousand_terms() -> None:
    where = " and ".join(f"a <> {i}" for i in range(1500))
    facts = facts_of(f"select id from t where {where}")
    assert [(e.column, e.source) for e in facts.edges] == [("id", "id"), (None, "a")]


def test_a_thousand_unions() -> None:
    facts = facts_of(" union all ".join(["select a from t"] * 1000))
    assert [(e.column, e.source) for e in facts.edges] == [("a", "a")]


def test_what_cannot_be_read_is_opaque_and_no_exception() -> None:
    deep = "select " + "(" * 5000 + "a" + ")" * 5000 + " from t"
    for sql in (
        "",
        "select",
        "drop table t",
        "create table x as select 1",
        deep,
        "select a" + "[1]" * 5000 + " from t",
        "select a::integer" + "[]" * 5000 + " from t",
        "\x00",
        "select '",
    ):
        facts = facts_of(sql)
        assert not facts.complete
        assert not facts.listed


def test_a_type_nested_too_deeply_is_not_known() -> None:
    inputs = {("t",): (Column("a", "INTEGER" + "[]" * 5000), Column("b", "INTEGER[][]"))}
    facts = column_facts("select a, b[1] as c from t", "duckdb", inputs, at=Location("m.sql"))
    assert [column.type for column in facts.columns] == [None, "INT[]"]


def test_limit_without_order_hangs_on_the_rows_only() -> None:
    edges = facts_of("select a from t limit 3").row_set_edges
    assert [(e.source, e.kind) for e in edges] == [("*", RowSetKind.ORDER_LIMIT)]
