"""Other tools at the same work: how each is installed, what it is told, and what it has no word for."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Peer:
    """`words`: action of `cli.py` -> arguments of the program; {leaf} is a model that nothing reads."""

    name: str
    packages: tuple[str, ...]
    program: str
    flavour: str  # of the generated project
    words: Mapping[str, Words]

    def command(self, action: str, leaf: str, venvs: Path) -> list[str] | None:
        """None: it has no such thing."""
        words = self.words.get(action)
        if words is None:
            return None
        program = venvs / self.name / "bin" / self.program
        return [str(program), *(word.format(leaf=leaf) for word in words)]

    def install(self, venvs: Path) -> None:
        """Into an environment of its own, unless it is there."""
        home = venvs / self.name
        if not (home / "bin" / self.program).exists():
            subprocess.run([sys.executable, "-m", "venv", home], check=True)
            pip = [home / "bin/python", "-m", "pip", "install", "--quiet", *self.packages]
            subprocess.run(pip, check=True)


PLAN = ("plan", "--auto-apply", "--no-prompts")
LOOK = ("info", "--skip-connection")  # reads and resolves every model
QUICK = ("--partial-parse",)  # it has no help; without it all files are read again

ASSETS = ("-f", "definitions.py", "--select")  # without checks: each would be one more asset

PEERS = {
    peer.name: peer
    for peer in (
        Peer(
            "dbt-core",
            ("dbt-core<1.12", "dbt-duckdb"),
            "dbt",
            "dbt",
            {
                "version": ("--version",),
                "cold": ("ls",),
                "warm": ("ls",),
                "above": ("ls", "-s", "+{leaf}"),
                "changed": ("ls",),
                "first": ("build",),
                "again": ("build",),
                "leaf": ("build", "-s", "{leaf}"),
                "compile": ("compile", "-s", "{leaf}"),
            },
        ),
        Peer(
            "dbt-rust",
            ("dbt==2.0.0rc196",),
            "dbt",
            "dbt",
            {  # its builds need a driver that it loads from its vendor
                "version": ("--version",),
                "cold": ("ls", *QUICK),
                "warm": ("ls", *QUICK),
                "above": ("ls", *QUICK, "-s", "+{leaf}"),
                "changed": ("ls", *QUICK),
            },
        ),
        Peer(
            "sqlmesh",
            ("sqlmesh",),
            "sqlmesh",
            "sqlmesh",
            {
                "version": ("--version",),
                "cold": LOOK,
                "warm": LOOK,
                "changed": LOOK,
                "first": PLAN,
                "again": PLAN,
                "leaf": PLAN,
                "compile": ("render", "marts.{leaf}"),
            },
        ),
        Peer(
            "dagster",
            ("dagster", "duckdb"),
            "dagster",
            "dagster",
            {  # it reads no SQL: what depends on what is told by hand
                "version": ("--version",),
                "cold": ("asset", "list", *ASSETS, "*"),
                "warm": ("asset", "list", *ASSETS, "*"),
                "above": ("asset", "list", *ASSETS, '+key:"marts/{leaf}"'),
                "changed": ("asset", "list", *ASSETS, "*"),
                "first": ("asset", "materialize", *ASSETS, "*"),
                "again": ("asset", "materialize", *ASSETS, "*"),
                "leaf": ("asset", "materialize", *ASSETS, 'key:"marts/{leaf}"'),
            },
        ),
    )
}
