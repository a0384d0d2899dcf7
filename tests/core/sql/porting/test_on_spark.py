"""What is translated for Spark gives the rows that DuckDB gives; what Spark cannot say alike is refused."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import duckdb
import pytest
from portability.compared import comparable, on_duckdb, on_spark
from portability.corpus import Case, cases
from portability.random_queries import random_query
from portability.tables import COLUMNS
from portability.texts import number_texts

from sqlpipes.core.engine import Connection
from sqlpipes.core.errors import EngineError
from sqlpipes.core.sql import Relation
from sqlpipes.core.sql.porting import Ported, port

AT_ONCE = 3  # statements: each waits for the server most of its time
SEED = 1


def translated(query: str) -> Ported:
    return port(query, "duckdb", "spark", lambda name: COLUMNS.get(name.lower()))


@pytest.fixture(scope="module")
def there(spark_url: str) -> Iterator[Connection]:
    with on_spark(spark_url, SEED) as connection:
        yield connection


def test_what_spark_cannot_say_alike_is_refused_at_its_place() -> None:
    for case in cases("spark"):
        found = translated(case.query)
        if case.verdict != "refused":
            assert found.text, (case.query, found.refusals)
            continue
        assert found.text == "", case.query
        for refusal in found.refusals:
            assert refusal.code.startswith("TRN")
            assert "postgres" not in refusal.message
            assert 0 <= refusal.start < refusal.end <= len(case.query) + 1


def test_names_are_quoted_where_spark_reads_them_otherwise() -> None:
    text = translated('select id as "interval", a as "two words", k as plain from t').text
    assert all(said in text for said in ("`interval`", "`two words`", "AS plain"))


def fault(case: Case, here: duckdb.DuckDBPyConnection, there: Connection) -> str | None:
    ported = translated(case.query)
    mine = here.cursor().execute(case.query)
    try:
        theirs = there.fetch(ported.text)
    except EngineError as error:
        return None if case.verdict == "may" else f"failed: {case.query}: {ported.text}: {error}"
    names = [[c[0].lower() for c in mine.description], [name.lower() for name in theirs.columns]]
    ordered = case.verdict == "ordered"
    rows = [comparable(each, ordered=ordered) for each in (mine.fetchall(), theirs.rows)]
    if names[0] != names[1] or rows[0] != rows[1]:
        return f"different: {case.query}: {ported.text}: {names} {rows}"
    return None


def test_all_that_is_translated_gives_equal_rows(there: Connection) -> None:
    asked = [case for case in cases("spark") if case.verdict != "refused"]
    assert len(asked) > 350
    with closing(on_duckdb(SEED)) as here, ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda case: fault(case, here, there), asked)
        assert list(filter(None, found)) == []


def outcome(query: str, here: duckdb.DuckDBPyConnection, there: Connection) -> tuple[str, str]:
    ported = translated(query)
    if not ported.text:
        return "refused", query
    try:
        mine = comparable(here.cursor().execute(query).fetchall())
    except duckdb.Error:
        return "faulty", query
    theirs = comparable(there.fetch(ported.text).rows)
    return ("same" if mine == theirs else "different"), f"{query}\n{ported.text}"


def outcomes(queries: Sequence[str], there: Connection) -> list[tuple[str, str]]:
    with closing(on_duckdb(SEED)) as here, ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda query: outcome(query, here, there), queries))


def test_random_queries_give_equal_rows(there: Connection) -> None:
    chance = random.Random(7)
    found = outcomes([random_query(chance) for _ in range(60)], there)
    assert [query for verdict, query in found if verdict == "different"] == []
    assert Counter(verdict for verdict, _ in found)["same"] > 45


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(2000, 2010))
def test_many_random_queries_give_equal_rows(there: Connection, seed: int) -> None:
    chance = random.Random(seed)
    found = outcomes([random_query(chance) for _ in range(300)], there)
    assert [query for verdict, query in found if verdict == "different"] == []


@pytest.mark.parametrize("kind", ["smallint", "int", "bigint", "decimal(10, 2)", "decimal(38, 0)"])
def test_try_cast_reads_of_a_text_what_duckdb_reads(there: Connection, kind: str) -> None:
    texts = list(enumerate(number_texts(2000, kind)))
    query = f"select id, try_cast(s as {kind}) as v from texts order by id"
    ported = port(query, "duckdb", "spark", lambda _: (("id", "INTEGER"), ("s", "VARCHAR")))
    with closing(duckdb.connect()) as here:
        here.execute("create table texts (id integer, s varchar)")
        here.executemany("insert into texts values (?, ?)", texts)
        there.load(Relation("texts", "portability"), here.sql("from texts").to_arrow_table())
        mine = comparable(here.execute(query).fetchall(), ordered=True)
    theirs = comparable(there.fetch(ported.text).rows, ordered=True)
    assert sum(value is not None for _, value in mine) > 200
    both = zip(mine, theirs, strict=True)
    assert [(texts[i], a, b) for i, (a, b) in enumerate(both) if a != b] == []
