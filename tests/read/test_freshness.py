"""`freshness:` in its forms, and what is wrong with it."""

from __future__ import annotations

import pytest
from read.folders import asset, places, read

from sqlpipes.core.freshness import Freshness


def declared(tmp_path, said: str, more: str = ""):
    text = f"sources:\n  - name: s\n    tables:\n      - name: t\n        freshness: {said}\n{more}"
    return read(tmp_path, {"models/s.yml": text})


@pytest.mark.parametrize(
    ("said", "more", "found"),
    [
        (
            "{warn_after: {count: 12, period: hour}, error_after: {count: 1, period: day}}",
            "        loaded_at_field: at\n",
            Freshness(43200, 86400, "at"),
        ),
        ("{warn: 12h, error: 1d, column: at}", "", Freshness(43200, 86400, "at")),
        ("{error: 30m, query: select 1}", "", Freshness(None, 1800, query="select 1")),
        ("1 day", "        loaded_at_query: select 1\n", Freshness(None, 86400, query="select 1")),
        (
            "{warn: 1d, column: at, filter: x > 1}",
            "",
            Freshness(86400, None, "at", filter="x > 1"),
        ),
        ("{column: at, max_age: 2 days}", "", Freshness(None, 172800, "at")),
        ("{column: at, max_age: 2d, severity: warn}", "", Freshness(172800, None, "at")),
        (
            "{warn_after: null, error_after: {count: 1, period: minute}, column: a}",
            "",
            Freshness(None, 60, "a"),
        ),
    ],
)
def test_it_says_how_old_is_too_old_and_where_to_look(tmp_path, said, more, found):
    reading = declared(tmp_path, said, more)
    assert reading.problems == ()
    assert asset(reading, "s.t").body.freshness == found
    assert asset(reading, "s.t").checks == ()


@pytest.mark.parametrize(
    ("said", "wrong", "hint"),
    [
        ("{warn: 12h}", "5:9 SRC004", "name it with"),
        ("{column: at}", "5:9 CFG002", "such as {warn: 12h"),
        ("{warn: soon, column: at}", "5:27 CFG002", None),
        ("{warn: 2d, error: 1d, column: at}", "5:27 CFG002", None),
        ("{wan: 2d, error: 1d, column: at}", "5:21 CFG001", "did you mean 'warn'?"),
        ("{error: 1d, column: at, query: select 1}", "5:9 SRC004", "keep the column or the query"),
        ("{error: 1d, query: select 1, filter: x}", "5:9 SRC004", "write the filter"),
        ("{warn_after: {count: 1, period: fortnight}, column: a}", "5:33 CFG002", None),
    ],
)
def test_what_is_wrong_is_told_at_its_place(tmp_path, said, wrong, hint):
    reading = declared(tmp_path, said)
    assert places(reading) == [f"models/s.yml:{wrong}"]
    assert hint is None or hint in reading.problems[0].hint


def test_of_files_their_time_is_enough_unless_they_are_elsewhere(tmp_path):
    text = (
        "sources:\n  - {name: a, files: raw/*.csv, freshness: 1d}\n"
        "  - {name: b, files: 's3://x/*.csv', freshness: 1d}\n"
    )
    reading = read(tmp_path, {"models/s.yml": text})
    assert asset(reading, "a").body.freshness == Freshness(error_s=86400)
    assert places(reading) == ["models/s.yml:3:38 SRC004"]


def test_a_table_may_take_back_what_its_source_says(tmp_path):
    text = (
        "sources:\n  - name: s\n    loaded_at_field: at\n    freshness: 1d\n"
        "    tables: [a, {name: b, freshness: null}, {name: c, freshness: 2d}]\n"
    )
    reading = read(tmp_path, {"models/s.yml": text})
    ages = {a.name: a.body.freshness and a.body.freshness.error_s for a in reading.assets}
    assert ages == {"s.a": 86400, "s.b": None, "s.c": 172800}
