"""Projects for tests: a mapping of path -> text is written to a folder and read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

from sqlpipes.core.asset import Asset, Check
from sqlpipes.core.config import ProjectConfig, Target
from sqlpipes.core.errors import Problem
from sqlpipes.read import Reading, read_project
from sqlpipes.read.braces import Names
from sqlpipes.read.ground import Ground, folder_layers
from sqlpipes.read.marked import node_of

OLD = 1_600_000_000


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for path, text in files.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            target.write_bytes(text)
        else:
            target.write_text(dedent(text), encoding="utf-8", newline="")
    return root


def ground_of(
    root: Path, config: ProjectConfig | None = None, target: Target | None = None
) -> Ground:
    """What the assets of one file stand on, without a project file."""
    config = config or ProjectConfig("shop")
    said: dict[str, Any] = {key: dict(value) for key, value in config.defaults.items()}
    layers = folder_layers(node_of("", said), Names(), [])
    return Ground(str(root), config, target or Target("dev", "duckdb"), Names(), layers)


def aged(root: Path) -> Path:
    """The files as if they had been there for years: the cache may trust their times."""
    for path in root.rglob("*"):
        if path.is_file() and ".sqlpipes" not in path.parts:
            os.utime(path, (OLD, OLD))
    return root


def read(root: Path, files: Mapping[str, str | bytes] | None = None, **options: Any) -> Reading:
    write(root, files or {})
    return read_project(str(root), **{"environ": {}, **options})


def model(front: str, query: str = "select 1 as order_id") -> str:
    """A model file with this front matter."""
    return f"/*\n---\n{dedent(front).strip()}\n---\n*/\n{query}\n"


def asset(reading: Reading, name: str) -> Asset:
    return next(asset for asset in reading.assets if asset.name == name)


def check(reading: Reading, name: str) -> Check:
    return next(check for check in reading.checks if check.name == name)


def only(reading: Reading) -> Problem:
    (problem,) = reading.problems
    return problem


def places(reading: Reading) -> list[str]:
    """'file:line:column CODE' of every problem."""
    return [f"{problem.at} {problem.code}" for problem in reading.problems]
