"""CSV files that go to Postgres as their own bytes hold what they would hold through DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import duckdb
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run.building import build, events_of, graph_of, plan_of, rows, said, seed
from servers.postgres import empty_postgres

from sqlpipes.core.asset import SeedBody
from sqlpipes.core.config import Target
from sqlpipes.core.engine import Connection, Engine
from sqlpipes.core.errors import EngineError
from sqlpipes.core.events import StepFinished
from sqlpipes.engines import open_engine
from sqlpipes.engines.local import Local
from sqlpipes.engines.postgres.connection import PostgresConnection
from sqlpipes.engines.postgres.loading import copy_in, land_files
from sqlpipes.engines.postgres.raw import NotAlike, Quotes, raw_file
from sqlpipes.run.seeds import seed_query


@pytest.fixture
def engine(postgres_database: str) -> Iterator[Engine]:
    empty_postgres(postgres_database)
    target = Target("pg", "postgres", "main", options={"url": postgres_database})
    with closing(open_engine(target, ".")) as opened:
        opened.create_schemas(["main"])
        yield opened


CELLS = st.sampled_from(
    """
    1|-0|007|1.5|1e3|NaN|inf|true|t|False|2024-01-05|2024-1-5|05/06/2024|2024-01-01 10:00:00|infinity
    2024-01-01 10:00:00.1234567|2024-01-01T10:00:00|2024-01-01 10:00:00+02|x| x |"a,b"|"a""b"|""
    "a\nb"|a"b|"x"y|\\.|\\N|NULL|null|'q'|1_000|0x10| 5|9223372036854775808|10:00:00|1e400|now|today
    yes|\\|"\\"|#1|\u00e9|
    """.replace("\n    ", "|")
    .replace('"a|b"', '"a\nb"')
    .split("|")
)


@st.composite
def tables(draw: st.DrawFn) -> str:
    """CSV texts of two or three columns, mostly of one kind of value each."""
    width = draw(st.integers(2, 3))
    kinds = [draw(st.lists(CELLS, min_size=1, max_size=2)) for _ in range(width)]
    lines = [
        [draw(st.sampled_from(kind)) if draw(st.integers(0, 9)) else draw(CELLS) for kind in kinds]
        for _ in range(draw(st.integers(1, 4)))
    ]
    end = draw(st.sampled_from(["\n", "\r\n"]))
    header = ["a", "B c", "d"][:width]
    return end.join(",".join(line) for line in [header, *lines]) + draw(st.sampled_from(["", end]))


def both_ways(engine: Engine, path: Path) -> tuple[object, object]:
    """(columns, rows) of the raw road, None where it is not taken; and those through DuckDB."""
    connection = engine.connect()
    assert isinstance(connection, PostgresConnection)
    local, driver = Local(), connection._driver
    sql = seed_query(SeedBody(str(path), "csv", {}, ","))
    found: list[object] = []
    try:
        for way in ("raw", "through"):
            landed = raw_file(local, sql, {}) if way == "raw" else None
            if way == "through":
                landed = land_files(local, lambda _: sql, {}, lambda _: True)
            if landed is None:
                found.append(None)
                continue
            listed = ", ".join(f'"{name}" {kind}' for name, kind in landed.columns)
            driver.execute(
                f"drop table if exists {way}; create temp table {way} ({listed})".encode()
            )
            try:
                copy_in(driver, way, landed, local)
            except (NotAlike, duckdb.Error, psycopg.DataError):
                found.append(None)
                continue
            shown = driver.execute(f"select {way}::text from {way}".encode()).fetchall()
            found.append((landed.columns, sorted(shown)))
    finally:
        local.close()
        connection.close()
    return found[0], found[1]


def same_both_ways(engine: Engine, path: Path, text: str) -> bool:
    """Whether it went raw. What DuckDB cannot read at all is no case."""
    path.write_bytes(text.encode())
    with suppress(EngineError):
        sent, through = both_ways(engine, path)
        assert sent is None or sent == through
        return sent is not None
    return False


def test_whatever_goes_raw_holds_what_it_would_hold(engine: Engine, tmp_path: Path) -> None:
    raws = []

    @settings(max_examples=40, deadline=None)
    @given(tables())
    def holds(text: str) -> None:
        raws.append(same_both_ways(engine, tmp_path / "t.csv", text))

    holds()
    assert any(raws)


@pytest.mark.nightly
def test_whatever_goes_raw_holds_what_it_would_hold_at_length(
    engine: Engine, tmp_path: Path
) -> None:
    @settings(max_examples=4000, deadline=None)
    @given(tables())
    def holds(text: str) -> None:
        same_both_ways(engine, tmp_path / "t.csv", text)

    holds()


@pytest.mark.parametrize(
    ("text", "goes"),
    [
        ('a,b\n1,""\n2,\n3,x\n', True),
        ('a,b\r\n1,"x ""y"", z"\r\n', True),
        ("a,b\n1,2024-01-01\n", True),
        ("a,b\n1,05/06/2024\n2,13/06/2024\n", False),
        ('a,b\n1,a"b\n', False),
        ("a,b\n1,'x,y'\n", False),
        ("a\n1\n", False),
        ("a,b\n1,2024-01-01 10:00:00.1234567\n", False),
    ],
)
def test_which_files_go_as_they_are(engine: Engine, tmp_path: Path, text: str, goes: bool) -> None:
    assert same_both_ways(engine, tmp_path / "t.csv", text) is goes


def held(chunks: list[bytes]) -> bool:
    quotes = Quotes(b","[0])
    try:
        for chunk in chunks:
            quotes.see(chunk)
        quotes.end()
    except NotAlike:
        return False
    return True


@given(st.text('ab",\n', max_size=12), st.integers(1, 4))
@settings(deadline=None)
def test_quotes_are_seen_the_same_in_pieces(text: str, size: int) -> None:
    whole = text.encode()
    assert held([whole]) == held([whole[i : i + size] for i in range(0, len(whole), size)])


@pytest.mark.parametrize(
    ("text", "good"),
    [('"a","b""c"\n"",x\n', True), ('a"b"\n', False), ('"a"b\n', False), ('"a\n', False)],
)
def test_quotes_stand_around_whole_values(text: str, good: bool) -> None:
    assert held([text.encode()]) is good


def large(path: Path, last: str) -> int:
    """A file whose first part has whole numbers only."""
    count = 700_000
    with path.open("w") as file:
        file.write("a,b\n")
        file.writelines(f"{i},{i}\n" for i in range(count))
        file.write(f"{count},{last}\n")
    return count + 1


@pytest.mark.parametrize(
    ("last", "kind"), [("7", "bigint"), ("1.5", "double precision"), ("007", "text")]
)
def test_a_large_file_that_ends_otherwise_than_it_began_is_read_again(
    engine: Engine, tmp_path: Path, last: str, kind: str
) -> None:
    """The server takes 007 for a whole number, too, so that only the second look finds it."""
    count = large(tmp_path / "s.csv", last)
    graph = graph_of(seed("s", str(tmp_path / "s.csv"), delimiter=","))
    found = [e for e in build(engine, graph) if isinstance(e, StepFinished)]
    assert [e.rows for e in found] == [count]
    sql = "select count(*), max(pg_typeof(b)::text), max(b::text) filter (where a = {}) from s"
    assert rows(engine, sql.format(count - 1)) == [(count, kind, last)]


def test_a_seed_is_put_into_its_table_at_once_and_again_after_a_rollback(
    engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "s.csv").write_text("a,b\n1,x\n2,\n")
    graph = graph_of(seed("s", str(tmp_path / "s.csv"), delimiter=","))
    for _ in range(2):
        assert said(list(events_of(plan_of(graph), graph, engine)))[-1] == "runfinished success"
        assert rows(engine, "select * from s order by a") == [(1, "x"), (2, None)]


def look_and_fail(connection: Connection, sql: str) -> None:
    with connection.transaction():
        assert connection.fetch(sql).rows == ((3,),)
        raise ZeroDivisionError


def test_rows_wait_until_they_are_asked_for_and_survive_a_rollback(engine: Engine) -> None:
    stage = engine.temporary("stage")
    table = engine.quote(stage)
    with closing(engine.connect()) as connection:
        assert connection.load(stage, [{"a": 1}, {"a": 2}]) == 2
        assert connection.columns(stage) == (("a", "bigint"),)
        for _ in range(2):
            with suppress(ZeroDivisionError):
                look_and_fail(connection, f"select sum(a) from {table}")
        with connection.transaction():
            made = connection.execute(f'create table "main"."t" as\nselect * from {table}')
        assert made == 2
        put = connection.execute(f'insert into "main"."t" ("a")\nselect * from {table}')
        assert put == 2
        connection.execute(f"delete from {table}")
        assert connection.fetch(f"select * from {table}").rows == ()
        connection.execute(f"drop table {table}")
        assert connection.fetch('select sum(a) from "main"."t"').rows == ((6,),)


def test_a_fault_of_what_lands_reaches_the_one_who_asks(engine: Engine) -> None:
    stage = engine.temporary("stage")
    with closing(engine.connect()) as connection:
        connection.load(stage, [{"a": "x\0y"}])
        with pytest.raises(Exception, match="ENG069"):
            connection.fetch(f"select * from {engine.quote(stage)}")
