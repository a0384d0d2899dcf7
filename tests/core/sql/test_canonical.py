"""The digest: blind to layout, sharp on everything else; and the diff that goes with it."""

from __future__ import annotations

from itertools import product

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.sql import diff, digest
from sqlpipes.core.sql.canonical import KEYWORDS

SAME = [
    ("select a from t", "SELECT a\nFROM t ;;\n"),
    ("select a from t", "/* x */ select a -- y\nfrom /* z */ t -- end"),
    ("select 1 group by 2 order by 3", "select 1 GROUP  BY 2 Order\n\tBy 3"),
    ("select 1 group by 2", "select 1 group /* all */ by 2"),
    ("select x::int, cast(y as date)", "select x::INT, CAST(y AS DATE)"),
    ("select date '2024-01-01'", "select DATE '2024-01-01'"),
    (
        "select sum(x) over (partition by y order by z nulls first rows between unbounded preceding "
        "and current row) from t qualify row_number() over w = 1",
        "SELECT sum(x) OVER (PARTITION BY y ORDER BY z NULLS FIRST ROWS BETWEEN UNBOUNDED PRECEDING "
        "AND CURRENT ROW) FROM t QUALIFY row_number() OVER w = 1",
    ),
    (
        "with recursive a as not materialized (select 1) from a semi join b using (x)",
        "WITH RECURSIVE a AS NOT MATERIALIZED (SELECT 1) FROM a SEMI JOIN b USING (x)",
    ),
    ("select * exclude (a) from t", "SELECT * EXCLUDE (a) FROM t"),
    (
        "select case when exists (from t) then null else true end",
        "SELECT CASE WHEN EXISTS (FROM t) THEN NULL ELSE TRUE END",
    ),
    ("select 'open", "select 'open"),
]
DIFFERENT = [
    ("select a from t", "select A from t"),
    ("select a from t", "select a from T"),
    ('select "a" from t', "select a from t"),
    ("select date from t", "select Date from t"),
    ("select 1 as first", "select 1 as First"),
    ("select 1 as left", "select 1 as LEFT"),
    ("select t.order from t", "select t.ORDER from t"),
    ("select exists, pivot from t", "select Exists, Pivot from t"),
    ("select between from t", "select BETWEEN from t"),
    ("select 1 date", "select 1 Date"),
    ("select 'a b'", "select 'a  b'"),
    ("select 'A'", "select 'a'"),
    ("select '-- a'", "select '-- b'"),
    ("select $$a$$", "select 'a'"),
    ("select 1, 2", "select 12"),
    ("select a b", "select a, b"),
    ("select 1.0", "select 1.00"),
    ("select a<b", "select a<=b"),
    ("select a from t where b > 0", "select a from t where b >= 0"),
    ("select 1; select 2", "select 1 select 2"),
    ("select 1 union select 2", "select 1 union all select 2"),
    ("select ab", "select a b"),
    ("select 'open", "select 'opened"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_layout_comments_and_keyword_case_are_nothing(one: str, other: str) -> None:
    assert digest(one, "duckdb") == digest(other, "duckdb")
    assert diff(one, other, "duckdb") == ()


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_everything_else_is_something(one: str, other: str) -> None:
    assert digest(one, "duckdb") != digest(other, "duckdb")
    assert diff(one, other, "duckdb") != ()


def test_a_digest_is_short_and_stable() -> None:
    assert digest("select 1", "duckdb") == digest("select 1", "postgres")
    assert len(digest("", "duckdb")) == 32


WORDS = (
    "select",
    "from",
    "where",
    "and",
    "a",
    "B",
    '"c d"',
    "'e -- f'",
    "1.5",
    "<=",
    "(",
    ")",
    ",",
    "||",
    "sum",
    "$$ g $$",
)
GAPS = st.sampled_from([" ", "\n", "\t", "  \r\n", " -- it's\n", " /* ( */ ", "/**/ ", " -- ;\n "])
PIECES = st.lists(st.tuples(st.sampled_from(WORDS), GAPS, st.booleans()), min_size=1, max_size=25)
SHOUTED = {"select", "from", "where", "and"}


def laid_out(pieces: list[tuple[str, str, bool]]) -> str:
    return "".join(
        (word.upper() if shout and word in SHOUTED else word) + gap for word, gap, shout in pieces
    )


@settings(deadline=None, max_examples=200)
@given(PIECES)
def test_no_layout_changes_the_digest(pieces: list[tuple[str, str, bool]]) -> None:
    plain = " ".join(word for word, _, _ in pieces)
    assert digest(laid_out(pieces) + ";\n", "duckdb") == digest(plain, "duckdb")
    assert diff(laid_out(pieces), plain, "duckdb") == ()


@settings(deadline=None, max_examples=200)
@given(PIECES, st.integers(0, 24), st.sampled_from(["z", "'z'", "7", "+", None]))
def test_any_other_word_changes_it(
    pieces: list[tuple[str, str, bool]], where: int, new: str | None
) -> None:
    words = [word for word, _, _ in pieces]
    where %= len(words)
    other = words[:where] + ([new] if new else []) + words[where + 1 :]
    assert digest(" ".join(words), "duckdb") != digest(" ".join(other), "duckdb")
    assert diff(" ".join(words), " ".join(other), "duckdb") != ()


def test_a_diff_names_the_clause() -> None:
    old = "select a, b, sum(c) as d from t left join u using (x)\nwhere amount > 0 and e between 1 and 2"
    new = (
        "SELECT a, b,\n  f(b, 1) as g, sum(c) as d FROM t LEFT JOIN u USING (x, y)\n"
        "WHERE amount >= 0 AND e BETWEEN 1 AND 2"
    )
    assert diff(old, new, "duckdb") == (
        "+ f(b, 1) as g",
        "- using (x)",
        "+ USING (x, y)",
        "- where amount > 0",
        "+ WHERE amount >= 0",
    )


def test_a_diff_can_show_what_is_around() -> None:
    old, new = "select a, b, c from t", "select a, x, c from t"
    assert diff(old, new, "duckdb", 1) == ("  a", "- b", "+ x", "  c")


def test_a_long_diff_is_counted() -> None:
    old = "select " + ", ".join(f"a{i}" for i in range(30))
    new = "select " + ", ".join(f"b{i}" for i in range(30))
    found = diff(old, new, "duckdb")
    assert len(found) == 8
    assert found[-1] == "... and 53 more lines"


def test_a_text_without_end_is_compared_by_lines() -> None:
    assert diff("select 1\n'a", "select 1\n'b", "duckdb") == ("- 'a", "+ 'b")


PLACES = [
    "select {} from (select 1 as {q})",
    "select {}, 2 from (select 1 as {q})",
    "select ({}) from (select 1 as {q})",
    "select x.{} from (select 1 as {q}) x",
    "select {} is null, {} from (select 1 as {q})",
    "select {} between 1 and 2, {} from (select 1 as {q})",
    "select {} union select 2 from (select 1 as {q})",
    "select {} from (select 1 as {q}) order by {}",
    "from (select 1 as {q}) select {}",
    "select 1 {}",
    "select 1 {}, 2",
    "select 1 {} from range(1)",
    "select 1 {} union select 3",
    "select abs(1) {}",
    "select 1 as {}",
    "select 1 as {} from range(1)",
    "select {}: 1",
    "from (select 1 {})",
]


def test_no_keyword_is_folded_where_duckdb_names_a_column_by_it() -> None:
    with duckdb.connect() as connection:
        moved = 0
        for place, word in product(PLACES, sorted(KEYWORDS)):
            lower, upper = [place.format(w, w, q=f'"{w}"') for w in (word.lower(), word)]
            before, after = [output_names(connection, sql) for sql in (lower, upper)]
            if before != after:
                moved += 1
                assert digest(lower, "duckdb") != digest(upper, "duckdb"), upper
    assert moved > 500


def output_names(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    try:
        return [column[0] for column in connection.execute(f"describe {sql}").fetchall()]
    except duckdb.Error:
        return []
