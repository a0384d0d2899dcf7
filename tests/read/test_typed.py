"""Plain values -> typed ones: what is wrong is told in words, at its place."""

from __future__ import annotations

import enum
import typing
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes import Secret
from sqlpipes.read.marked import node_of, read_yaml
from sqlpipes.read.typed import converted, problem_of


class Mode(enum.Enum):
    FAST = "fast"
    SLOW = "slow"


@dataclass
class Host:
    name: str
    port: int = 80


class Packed(msgspec.Struct):
    hosts: list[Host] = []


def typed(text, wanted):
    document = read_yaml(f"value: {text}\n", "p.yml")
    value, wrong = converted(node_of("p.yml", document.value, document.marks).get("value"), wanted)
    return value if not wrong else [str(problem_of(each, "RES003", "'x'")) for each in wrong]


@pytest.mark.parametrize(
    ("text", "wanted", "value"),
    [
        ("5", int, 5),
        ("'5432'", int, 5432),
        ("'0.5'", float, 0.5),
        ("2024-01-31", date, date(2024, 1, 31)),
        ("2024-01-31T08:00:00", datetime, datetime(2024, 1, 31, 8)),
        ("fast", Mode, Mode.FAST),
        ("a/b", Path, Path("a/b")),
        ("[a, b]", list[str], ["a", "b"]),
        ("{name: db}", Host, Host("db")),
        ("{hosts: [{name: db, port: 1}]}", Packed, Packed([Host("db", 1)])),
        ("'null'", str, "null"),
        ("{a: {name: b}}", dict[str, Host], {"a": Host("b")}),
        ("hush", Secret, Secret("hush")),
    ],
)
def test_a_value_is_made_what_is_wanted(text, wanted, value):
    assert typed(text, wanted) == value


@pytest.mark.parametrize(
    ("text", "wanted", "said"),
    [
        ("abc", int, "p.yml:1:8: RES003 'x' must be a whole number, not a text"),
        ("1.5", int, "p.yml:1:8: RES003 'x' must be a whole number, not a fraction"),
        ("5", str, "p.yml:1:8: RES003 'x' must be a text, not a whole number"),
        ("[1]", int | None, "p.yml:1:8: RES003 'x' must be a whole number or empty, not a list"),
        ("yes", bool, "p.yml:1:8: RES003 'x' must be true or false, not a text"),
        ("2024-13-01", date, "p.yml:1:8: RES003 'x' must be a date such as 2024-01-31"),
        ("soon", datetime, "p.yml:1:8: RES003 'x' must be a time such as 2024-01-31T08:00:00"),
        ("fsat", Mode, "p.yml:1:8: RES003 'x' must be one of fast, slow"),
        ("ab", typing.Literal["abc"], "p.yml:1:8: RES003 'x' must be one of abc"),
        ("{name: db, prot: 1}", Host, "p.yml:1:19: RES003 'x' has no 'prot'"),
        ("{port: 1}", Host, "p.yml:1:8: RES003 'x' lacks 'name'"),
        ("[a, {}, c]", list[str], "p.yml:1:12: RES003 'x' must be a text, not a mapping"),
        (
            "{hosts: [{name: a}, {name: b, port: c}]}",
            Packed,
            "p.yml:1:44: RES003 'x' must be a whole number, not a text",
        ),
        ("123", Secret, "p.yml:1:8: RES003 'x' is refused: a secret is text: put it in quotes"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(text, wanted, said):
    assert typed(text, wanted) == [said]


def test_the_nearest_field_is_named():
    node = node_of("", {"name": "db", "prot": 1})
    _, [wrong] = converted(node, Host)
    assert wrong.hint == "did you mean 'port'?"
    assert problem_of(wrong, "RES003", "'x'").at is None


TYPES = [int, str, bool, float, date, list[int], dict[str, int], Host, Mode, Packed, int | None]
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda below: st.lists(below) | st.dictionaries(st.text(), below),
    max_leaves=6,
)


@settings(deadline=None, max_examples=200)
@given(PLAIN, st.sampled_from(TYPES))
def test_any_value_is_either_of_the_type_or_told_and_never_shown(value, wanted):
    found, wrong = converted(
        node_of("p.yml", {"x": value}).get("x") or node_of("p.yml", value), wanted
    )
    if not wrong:
        assert msgspec.convert(msgspec.to_builtins(found), wanted, strict=False) == found
    for each in wrong:
        assert each.message.startswith(("must be", "has no", "lacks", "is refused"))
