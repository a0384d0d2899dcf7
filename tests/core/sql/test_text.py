"""Rewriting by offsets, and cutting a text so that it can be wrapped."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.errors import Location
from sqlpipes.core.sql import analyse, bare, rewrite, split_statements

RUNNABLE = [
    "select 1;",
    "select ';' as \";\" ; ;\n;",
    "select 1 -- it's\n",
    "select 1 /* ; ' */ -- \"",
    "select 1 /* a /* b */ ; */ ; -- c",
    "select '--' || '/*' --",
    "select $$;--$$ ; /* $$ */",
    "select $t$ ; $$ $t$ /**/",
    "select e'\\';--' ;--",
    "-- first\nfrom range(3) -- last",
    "values (1);;",
    "select 1--",
    "select 'a\n;\n' -- x\n\n",
    "select 4 / 2 - -1;",
    "select ''';' ;",
]


@pytest.mark.parametrize("sql", RUNNABLE)
def test_bare_text_runs_when_wrapped_on_one_line(sql: str) -> None:
    with duckdb.connect() as connection:
        plain = connection.execute(sql).fetchall()
        assert connection.execute(f"select * from ({bare(sql)})").fetchall() == plain


@pytest.mark.parametrize(
    ("sql", "dialect", "expected"),
    [
        ("select 'a\\';' ; # it's", "mysql", "select 'a\\';'"),
        ("select 'a\\' ; -- it's", "postgres", "select 'a\\'"),
        ("select a #> b ;", "postgres", "select a #> b"),
        ("select `;` ;", "bigquery", "select `;`"),
        ("", "duckdb", ""),
        (" ; -- nothing", "duckdb", ""),
        ("select 'open ;", "duckdb", "select 'open ;"),
        ("select $1 ; ", "postgres", "select $1"),
    ],
)
def test_bare_by_dialect(sql: str, dialect: str, expected: str) -> None:
    assert bare(sql, dialect) == expected


def test_split_statements() -> None:
    script = "install x; -- one;\n\n;select ';' /* ; */; create macro f(a) as (a);\n"
    assert split_statements(script) == ("install x", "select ';'", "create macro f(a) as (a)")
    assert split_statements("-- nothing") == ()
    with pytest.raises(ValueError, match="cannot be split"):
        split_statements("select 'open")


@pytest.mark.parametrize("spans", [[(0, 2, "a"), (1, 3, "b")], [(2, 9, "a")], [(3, 2, "a")]])
def test_rewrite_refuses_overlaps_and_spans_outside(spans: list[tuple[int, int, str]]) -> None:
    with pytest.raises(ValueError, match="overlaps"):
        rewrite("abcd", spans)


@settings(deadline=None, max_examples=200)
@given(
    st.text(max_size=30), st.lists(st.tuples(st.integers(0, 30), st.text(max_size=5)), max_size=6)
)
def test_rewrite_there_and_back(text: str, wanted: list[tuple[int, str]]) -> None:
    cuts = sorted({min(cut, len(text)) for cut, _ in wanted})
    spans = list(zip(cuts[::2], cuts[1::2], strict=False))
    news = [new for _, new in wanted][: len(spans)]
    there = [(start, end, new) for (start, end), new in zip(spans, news, strict=True)]
    changed = rewrite(text, reversed(there))
    back, shift = [], 0
    for start, end, new in there:
        back.append((start + shift, start + shift + len(new), text[start:end]))
        shift += len(new) - (end - start)
    assert rewrite(changed, back) == text


NAMES = st.sampled_from(["orders", '"my orders"', "s.t", "a.b.c", "für", '"😀"', "first"])


@settings(deadline=None, max_examples=100)
@given(
    st.lists(NAMES, min_size=1, max_size=5), st.sampled_from(["\n", " ", " /* x, y */ ", " -- j\n"])
)
def test_rewriting_every_reference_leaves_the_rest_alone(found: list[str], gap: str) -> None:
    def query(tables: list[str]) -> str:
        return f"select '😀', 1{gap}from" + f"{gap},".join(
            f"{gap}{t} as x{i}" for i, t in enumerate(tables)
        )

    text = query(found)
    references = analyse(text, "duckdb", at=Location("m.sql")).references
    new = [f"dev.t{i}" for i in range(len(found))]
    replacements = [(r.start, r.end, n) for r, n in zip(references, new, strict=True)]
    assert rewrite(text, replacements) == query(new)
