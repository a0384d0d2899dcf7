"""Every example of docs/selection.md, on the project that the page describes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from decide.graphs import asset, check, graph

from sqlpipes.core.asset import Kind, Materialized
from sqlpipes.core.errors import ProjectError
from sqlpipes.core.graph import Graph
from sqlpipes.decide.selection import Selection, select
from sqlpipes.decide.selection.methods import ELSEWHERE, METHODS

PAGE = (Path(__file__).parents[2] / "docs" / "selection.md").read_text(encoding="utf-8")
KINDS = {".csv": Kind.SEED, ".yml": Kind.SOURCE, ".py": Kind.PYTHON}
MORE: dict[str, dict[str, Any]] = {
    "orders": {
        "materialized": Materialized.TABLE,
        "group": "sales",
        "settings": {"meta": {"tier": 1}},
    },
    "raw_orders": {"settings": {"materialized": "seed"}},  # as the reader puts it
    "forecast": {"materialized": Materialized.TABLE, "kinds": ("ml",)},
}


def rows(*header: str) -> list[list[str]]:
    """The cells of every table with this header."""
    found: list[list[str]] = []
    inside = False
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if not line.startswith("|"):
            inside = False
        elif cells == list(header):
            inside = True
        elif inside and not set(line) <= set("|-"):
            found.append(cells)
    return found


def shop() -> Graph:
    table = rows("asset", "file", "reads", "tags", "owner")
    assets = [
        asset(
            name,
            KINDS.get(Path(path).suffix, Kind.SQL),
            str(Path(path).parent),
            path=path,
            tags=tuple(tags.split()),
            owners=tuple(owner.split()),
            **MORE.get(name, {}),
        )
        for name, path, _, tags, owner in table
    ]
    checks = [
        check("orders.unique.id", "orders", "unique"),
        check("stg_orders.not_null.id", "stg_orders"),
        check("sessions.relationships.orders", "sessions", "relationships", "orders"),
    ]
    return graph(assets, {name: reads for name, _, reads, _, _ in table}, checks)


def selectors() -> dict[str, Any]:
    block = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    return {entry["name"]: entry for entry in yaml.safe_load(block[1])["selectors"]}


def typed(line: str) -> Selection:
    """What the words of a command line select."""
    flags: dict[str, list[str]] = {}
    flag = "--select"
    for word in shlex.split(line):
        if word.startswith("--"):
            flag = word
        else:
            flags.setdefault(flag, []).append(word)
    return select(
        shop(),
        flags.get("--select", ()),
        flags.get("--exclude", ()),
        selectors=selectors(),
        selector=flags.get("--selector", [None])[0],
        indirect=flags.get("--indirect-selection", ["eager"])[0],
    )


@pytest.mark.parametrize(("line", "expected"), rows("you type", "assets"))
def test_assets(line: str, expected: str) -> None:
    assert " ".join(typed(line.strip("`")).assets) == expected


@pytest.mark.parametrize(("line", "expected"), rows("you type", "checks"))
def test_checks(line: str, expected: str) -> None:
    assert " ".join(typed(line.strip("`")).checks) == expected


ERRORS = re.findall(r"```\n\$ sqlpipes ls (.*?)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("line", "expected"), ERRORS)
def test_errors(line: str, expected: str) -> None:
    with pytest.raises(ProjectError) as raised:
        typed(line)
    text = [f"{problem}\n  hint: {problem.hint}\n" for problem in raised.value.problems]
    assert "".join(text) == expected


def test_the_page_has_examples() -> None:
    assert len(rows("you type", "assets")) > 30
    assert len(rows("you type", "checks")) > 5
    assert len(ERRORS) == 2


def test_every_method_is_on_the_page() -> None:
    told = set(re.findall(r"`(\w+)(?:\.<key>)?:", PAGE))
    assert set(METHODS) - told == {"exposure"}  # there are none to select
    assert not told & set(ELSEWHERE)
