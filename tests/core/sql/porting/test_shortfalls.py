"""What SQLite and MySQL have in no version is refused also where a query is taken over unchecked."""

from __future__ import annotations

import pytest

from sqlpipes.core.sql.porting import port

LACKING = {
    "select a, count(*) as n from t\ngroup by all": "group",
    "select a, count(*) as n from t group by grouping sets ((a), ())": "grouping",
    "select a, b, count(*) as n from t group by cube (a, b)": "cube",
    "select * exclude (a) from t": "select",
    "select * replace (a + 1 as a) from t": "select",
    "select a from t union all by name select a from u": "by",
    "select t.a from t asof join u on t.a >= u.a": "asof",
}
FILTER = "select count(*) filter (where a > 1) as n from t"


def taken(sql: str, write: str) -> tuple[str, list[tuple[str, str]]]:
    found = port(sql, "duckdb", write, lambda _: None, unchecked=True)
    return found.text, [(each.code, sql[each.start : each.end]) for each in found.refusals]


@pytest.mark.parametrize("write", ["sqlite", "mysql"])
@pytest.mark.parametrize("sql", LACKING)
def test_what_they_lack_is_told_at_its_place(sql: str, write: str) -> None:
    text, told = taken(sql, write)
    assert text == ""
    assert [code for code, _ in told] == ["TRN007"]
    assert told[0][1].lower().startswith(LACKING[sql])


def test_filter_is_none_of_mysql() -> None:
    assert taken(FILTER, "mysql")[1] == [("TRN007", "filter")]
    assert taken(FILTER, "sqlite")[1] == []


@pytest.mark.parametrize("sql", LACKING)
def test_others_are_not_asked(sql: str) -> None:
    assert taken(sql, "snowflake")[1] == []


@pytest.mark.parametrize("sql", ["select a from t group by a", "select * from t", "select 1 as x"])
def test_plain_queries_are_taken_over(sql: str) -> None:
    assert taken(sql, "sqlite")[1] == []
    assert taken(sql, "sqlite")[0]
