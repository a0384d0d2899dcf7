"""Processes that help with a first reading: what is read is the same, whatever becomes of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from read.folders import model, read, write

from sqlpipes.read import helping, project, queries

ODD: dict[str, str | bytes] = {
    "models/bad.sql": "select from where",
    "models/binary.sql": b"select '\xff'",
    "models/jinja.sql": "select {{ 1 + 1 }} as a",
    "models/front.sql": model("tags: [a]\nnothing: 1", "select 1 as a -- one"),
    "models/unlike.sql": "select 'a\tb\nc\u2028d\u00e9' as a",
    "models/\u00e9t\u00e9.sql": "select 1 as a",
    "models/empty.sql": "",
    "models/crlf.sql": "\ufeffselect 1 as a,\r\n  b from m1\r\n",
}
MANY = {f"models/m{i}.sql": f"select m{i - 1}.a, {i} as b from m{i - 1}" for i in range(1, 40)}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(project, "WORTH_A_HELPER", 2)
    return write(tmp_path, {**ODD, **MANY})


@contextmanager
def patient(*given: Any) -> Iterator[None]:
    """Begins once the helpers have told everything that they can."""
    with real(*given):
        cache = given[1]
        deadline = time.monotonic() + 60
        while sum(map(len, cache.ahead)) < len(given[0]) - 1:  # but the one that is no text
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield


real = helping.helped


@pytest.mark.parametrize("processes", [2, 4])
def test_what_they_tell_is_what_reading_alone_finds(root, processes, monkeypatch):
    alone = read(root, cache=False)
    assert {p.code for p in alone.problems} > {"FIL002", "CFG001"}
    monkeypatch.setattr(helping, "helped", patient)
    looked: list[str] = []
    parsed = queries.parsed
    monkeypatch.setattr(
        queries,
        "parsed",
        lambda text, path, dialect: (looked.append(path), parsed(text, path, dialect))[1],
    )
    assert read(root, processes=processes) == alone
    assert looked == []
    monkeypatch.setattr(helping, "helped", None)  # everything is known now
    warm = read(root, processes=processes)
    assert replace(warm, parsed=0) == replace(alone, parsed=0)


@pytest.mark.parametrize("program", ["/bin/false", "/no/such/python", "/bin/cat"])
def test_without_them_it_is_read_all_the_same(root, program, monkeypatch):
    alone = read(root, cache=False)
    monkeypatch.setattr(sys, "executable", program)
    assert read(root, processes=3) == alone


def test_they_end_with_the_reading(root, monkeypatch):
    helpers: list[Any] = []
    begin = helping._Helper.__init__

    def noted(self: Any, *given: Any) -> None:
        begin(self, *given)
        helpers.append(self)

    monkeypatch.setattr(helping._Helper, "__init__", noted)
    read(root, processes=3)
    assert len(helpers) == 2
    for helper in helpers:
        assert helper._process.poll() is not None
        assert not helper._thread.is_alive()


def test_few_new_queries_need_none(tmp_path, monkeypatch):
    monkeypatch.setattr(helping, "helped", None)
    assert read(tmp_path, MANY, processes=8).problems == ()
