"""What is translated gives the same rows there, on tables of hostile values; all else is refused."""

from __future__ import annotations

import psycopg
import pytest
from notyet import since_duckdb_2
from portability.compared import comparable, on_duckdb, on_postgres
from portability.corpus import Case, cases
from portability.tables import COLUMNS
from portability.texts import number_texts

from sqlpipes.core.sql.porting import Ported, port


def translated(query: str) -> Ported:
    return port(query, "duckdb", "postgres", lambda name: COLUMNS.get(name.lower()))


@pytest.mark.parametrize(
    "case", [c for c in cases() if c.verdict == "refused"], ids=lambda c: c.query
)
def test_it_is_refused_at_its_place(case: Case) -> None:
    found = translated(case.query)
    assert found.text == ""
    assert found.refusals
    for refusal in found.refusals:
        assert refusal.code.startswith("TRN")
        assert refusal.message
        assert 0 <= refusal.start < refusal.end <= len(case.query) + 1


def test_there_are_hundreds_of_cases() -> None:
    found = cases()
    assert len(found) == len({case.query for case in found}) > 450
    assert {case.verdict for case in found} == {"same", "ordered", "may", "refused"}


def faults(url: str, seed: int) -> list[str]:
    found = []
    here, there = on_duckdb(seed), on_postgres(url, seed)
    with here, there:
        for case in cases():
            if case.verdict != "refused":
                found += _fault(case, here, there)
    return found


def _fault(case: Case, here: object, there: psycopg.Connection[object]) -> list[str]:
    ported = translated(case.query)
    if not ported.text:
        return [f"refused: {case.query}: {ported.refusals}"]
    mine = here.execute(case.query)  # type: ignore[attr-defined]
    try:
        theirs = there.execute(ported.text.encode())
    except psycopg.Error as error:
        return [] if case.verdict == "may" else [f"failed: {case.query}: {ported.text}: {error}"]
    names = [[c[0].lower() for c in each.description or ()] for each in (mine, theirs)]
    ordered = case.verdict == "ordered"
    rows = [comparable(each.fetchall(), ordered=ordered) for each in (mine, theirs)]
    if names[0] != names[1] or rows[0] != rows[1]:
        return [f"different: {case.query}: {ported.text}: {names} {rows}"]
    return []


@since_duckdb_2("the corpus says what DuckDB 2 gives, such as for roots of negative numbers")
@pytest.mark.parametrize("seed", [1])
def test_all_that_is_translated_gives_equal_rows(postgres_url: str, seed: int) -> None:
    assert faults(postgres_url, seed) == []


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(100, 140))
def test_all_that_is_translated_gives_equal_rows_on_more_tables(
    postgres_url: str, seed: int
) -> None:
    assert faults(postgres_url, seed) == []


@since_duckdb_2("a sign without a digit is a number there")
@pytest.mark.parametrize("kind", ["smallint", "int", "bigint", "decimal(10, 2)", "decimal(38, 0)"])
def test_try_cast_reads_of_a_text_what_duckdb_reads(postgres_url: str, kind: str) -> None:
    texts = list(enumerate(number_texts(2000, kind)))
    query = f"select id, try_cast(s as {kind}) as v from texts order by id"
    ported = port(query, "duckdb", "postgres", lambda _: (("id", "INTEGER"), ("s", "VARCHAR")))
    with on_duckdb(0) as here, on_postgres(postgres_url, 0) as there:
        here.execute("create table texts (id integer, s varchar)")
        here.executemany("insert into texts values (?, ?)", texts)
        there.execute("create temp table texts (id integer, s text)")
        with there.cursor() as cursor, cursor.copy("copy texts from stdin") as copy:
            for row in texts:
                copy.write_row(row)
        mine = comparable(here.execute(query).fetchall(), ordered=True)
        theirs = comparable(there.execute(ported.text.encode()).fetchall(), ordered=True)
    assert sum(value is not None for _, value in mine) > 200
    assert [
        (texts[i], a, b) for i, (a, b) in enumerate(zip(mine, theirs, strict=True)) if a != b
    ] == []
