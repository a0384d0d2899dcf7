"""What moves the version of a Python asset: the code that it uses, however it reaches it."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from read.folders import ground_of

from sqlpipes.core.asset import Asset
from sqlpipes.core.errors import Problem
from sqlpipes.read.python import read_python

HELPERS = "RATE = 1\n\ndef scaled(x):\n    # how\n    return x * RATE\n"
TEXT = '''\
"""Module."""
import json
from sqlpipes import asset, assets, op, Out
from lib.helpers import scaled

LIMIT = 3
UNUSED = 4
TABLE = {"a": 1}
TABLE["b"] = 2
total = 0
keyed = lambda row, size=LIMIT: row[size]
HOOKS = []

def registered(function):
    HOOKS.append(function)
    return function

@registered
def hook():
    return 10

class Model:
    size = 5
    def fit(self, rows):
        return inner(rows)

def inner(rows):
    return rows

def unused():
    return 20

def counted(step=LIMIT):
    global total
    total += step
    return total

@op(retries=1)
def fetch(day):
    return day

@asset(owner="a@b.c", retries=1, timeout_s=5)
def first(orders):
    """First."""
    return Model().fit(orders)

@asset
def second(orders):
    return [counted(), scaled(fetch(1)), keyed]

@asset
def third(orders, inner=inner):
    return orders

@assets(outs={"left": Out(), "right": Out(owner="x@y.z")})
def both(orders, context):
    return json.dumps(TABLE)
'''
FIVE = {"first", "second", "third", "left", "right"}


def read(root: Path, text: str) -> tuple[list[Asset], list[Problem]]:
    (root / "models").mkdir(exist_ok=True)
    (root / "lib").mkdir(exist_ok=True)
    (root / "lib" / "helpers.py").exists() or (root / "lib" / "helpers.py").write_text(HELPERS)
    (root / "models" / "m.py").write_text(textwrap.dedent(text))
    found = read_python(str(root / "models" / "m.py"), ground_of(root))
    return list(found.assets), list(found.problems)


def versions(root: Path, text: str) -> dict[str, str]:
    assets, problems = read(root, text)
    assert problems == []
    return {asset.name: asset.version for asset in assets}


@pytest.mark.parametrize(
    ("old", "new", "moved"),
    [
        ("UNUSED = 4", "UNUSED = 5", set()),
        ("return 20", "return 21", set()),
        ('"""First."""', "", set()),
        ('owner="a@b.c", retries=1, timeout_s=5', 'owner="x@y.z", kind="ml"', set()),
        ("@op(retries=1)", "@op(timeout_s=3)", set()),
        ('Out(owner="x@y.z")', 'Out(owner="a@b.c")', set()),
        ("return 10", "return 11", FIVE),  # its decorator does who knows what with it
        ("size = 5", "size = 6", {"first"}),
        ("class Model:", "class Model(json.JSONEncoder):", FIVE),  # who knows what notes it
        ("lambda row, size=LIMIT", "lambda rows, size=LIMIT", FIVE),
        ("LIMIT = 3", "LIMIT = 4", FIVE),  # a lambda's default, which is made on import
        ("    return rows", "    return [rows]", {"first", "third"}),
        ("total += step", "total -= step", {"second"}),
        ("total = 0", "total = 1", {"second"}),
        ("    return day", "    return [day]", {"second"}),
        ('TABLE = {"a": 1}', 'TABLE = {"a": 2}', FIVE),  # the next line changes it
        ("json.dumps(TABLE)", "json.dumps([TABLE])", {"left", "right"}),
        ("inner=inner", "inner=unused", {"third"}),
        ("@assets(outs", '@assets(version="1", outs', {"left", "right"}),
    ],
)
def test_what_moves_a_version(tmp_path: Path, old: str, new: str, moved: set[str]) -> None:
    before = versions(tmp_path, TEXT)
    assert set(before) == FIVE
    assert old in TEXT
    after = versions(tmp_path, TEXT.replace(old, new))
    assert {name for name in before if before[name] != after[name]} == moved


@pytest.mark.parametrize(
    ("old", "new", "moves"),
    [("# how", "# why", False), ("RATE = 1", "RATE = 2", True), ("x * RATE", "x + RATE", True)],
)
def test_a_file_that_is_imported_counts(tmp_path: Path, old: str, new: str, moves: bool) -> None:
    before = versions(tmp_path, TEXT)
    (tmp_path / "lib" / "helpers.py").write_text(HELPERS.replace(old, new))
    assert (versions(tmp_path, TEXT) != before) == moves


@pytest.mark.parametrize(
    ("head", "alone"),
    [
        ("class Other:\n    n = 1", True),
        ("class Other(Exception):\n    n = 1", True),
        ("@dataclass\nclass Other:\n    n: int = 1", True),
        ("class Other(Known):\n    n = 1", False),
        ("class Other(metaclass=Known):\n    n = 1", False),
        ("@registered\nclass Other:\n    n = 1", False),
        ("class Other:\n    n = int('1')", False),
    ],
)
def test_a_class_that_nobody_names_counts_where_others_may_know_it(
    tmp_path: Path, head: str, alone: bool
) -> None:
    known = "from dataclasses import dataclass\nclass Known(type):\n    pass\n"
    text = TEXT.replace("def unused()", f"{known}{head}\n\ndef unused()")
    before = versions(tmp_path, text)
    after = versions(
        tmp_path, text.replace("n = 1", "n = 2").replace("'1'", "'2'").replace("int = 1", "int = 2")
    )
    assert (before == after) == alone


def test_where_names_are_looked_up_by_text_all_of_the_file_counts(tmp_path: Path) -> None:
    text = TEXT.replace("return [counted()", 'return [globals()["counted"]()')
    before = versions(tmp_path, text)
    after = versions(tmp_path, text.replace("return 20", "return 21"))
    assert not any(before[name] == after[name] for name in FIVE)


def test_a_file_that_is_imported_back_counts_whole(tmp_path: Path) -> None:
    back = "def scaled(x):\n    from models import m\n    return m.unused()\n"
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "helpers.py").write_text(back)
    before = versions(tmp_path, TEXT)
    after = versions(tmp_path, TEXT.replace("return 20", "return 21"))
    assert not any(before[name] == after[name] for name in FIVE)


def test_a_version_of_one_s_own_stands_for_the_code(tmp_path: Path) -> None:
    text = TEXT.replace("retries=1, timeout_s=5", 'version="1"')
    before = versions(tmp_path, text)
    assert (
        before["first"] == versions(tmp_path, text.replace("(orders)\n", "([orders])\n"))["first"]
    )
    (tmp_path / "lib" / "helpers.py").write_text(HELPERS.replace("RATE = 1", "RATE = 2"))
    assert before["first"] == versions(tmp_path, text)["first"]
    assert before["first"] != versions(tmp_path, text.replace('"1"', '"2"'))["first"]


def test_closures_of_one_factory_are_told_apart_by_what_they_hold(tmp_path: Path) -> None:
    text = """
        from sqlpipes import asset

        def made(name, factor):
            @asset(name=name)
            def function(orders):
                return [factor]
            return function

        ALL = [made("a", 1), made("b", 2)]
    """
    before = versions(tmp_path, text)
    assert before["a"] != before["b"]
    after = versions(tmp_path, text.replace('made("b", 2)', 'made("b", 3)'))
    assert after["b"] != before["b"]


def test_each_of_several_assets_stands_where_it_is_named(tmp_path: Path) -> None:
    text = TEXT.replace("Out()", 'Out(checks=[{"not_nul": "id"}], description="L")')
    assets, problems = read(tmp_path, text)
    left = next(asset for asset in assets if asset.name == "left")
    line = next(i for i, t in enumerate(text.splitlines(), 1) if t.startswith("@assets"))
    assert (left.at.line, left.description) == (line, "L")
    assert [(p.code, p.at.line if p.at else 0) for p in problems] == [("CHK001", line)]


def test_sql_that_is_computed_needs_its_inputs_declared(tmp_path: Path) -> None:
    text = """
        from sqlpipes import asset

        @asset{}
        def a(context, table="t"):
            return context.sql("select * from " + table)
    """
    _, problems = read(tmp_path, text.format(""))
    assert [(p.code, p.is_error, str(p.at)) for p in problems] == [
        ("PYT004", True, "models/m.py:6:12")
    ]
    for deps in ('(deps=["orders"])', "(deps=[])"):
        assert read(tmp_path, text.format(deps))[1] == []
