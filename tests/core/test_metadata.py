"""Logged values: what is kept of them, and as what they are shown."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.metadata import Markdown, MetadataKind, Table, Url, numbers, recorded, shown


@dataclass
class Odd:
    item: int = 3


@pytest.mark.parametrize(
    ("value", "kind", "kept"),
    [
        (3, "number", 3),
        (0.5, "number", 0.5),
        (Decimal("1.5"), "number", 1.5),
        (np.int64(7), "number", 7),
        (np.float32(0.5), "number", 0.5),
        (True, "boolean", True),
        (np.bool_(True), "boolean", True),
        ("some text", "text", "some text"),
        ("see https://a.b", "text", "see https://a.b"),
        ("https://a.b/c", "url", "https://a.b/c"),
        (Url("a.b"), "url", "a.b"),
        (Markdown("# Hi"), "markdown", "# Hi"),
        (Path("a/b"), "path", "a/b"),
        ([{"x": 1, "d": date(2024, 1, 1)}], "table", [{"x": 1, "d": "2024-01-01"}]),
        (
            Table({"x": n} for n in range(1000)),
            "table",
            [*({"x": n} for n in range(100)), {"... rows left out": 900}],
        ),
        (Table([]), "table", []),
        ([1, 2], "json", [1, 2]),
        ([], "json", []),
        ({"a": (1, 2)}, "json", {"a": [1, 2]}),
        (None, "json", None),
        (date(2024, 1, 1), "text", "2024-01-01"),
        (float("nan"), "text", "nan"),
        (Odd(), "text", "Odd(item=3)"),
    ],
)
def test_a_value_is_kept_as_json_and_known_again(value, kind, kept):
    text = json.dumps(recorded({"v": value}))
    found = shown(json.loads(text)["v"])
    assert (found.kind, found.value) == (MetadataKind(kind), kept)


def test_only_numbers_can_be_followed():
    values = {"a": 1, "b": True, "c": "2", "d": 0.5, "e": [{"x": 1}]}
    assert numbers(recorded(values)) == {"a": 1, "d": 0.5}


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text() | st.just("type"), below),
)


@pytest.mark.long
@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.text(), anything))
def test_nothing_that_can_be_logged_is_too_odd(values):
    for value in json.loads(json.dumps(recorded(values))).values():
        assert shown(value).kind in MetadataKind
