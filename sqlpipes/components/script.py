"""A Python script, or any command -> an asset: a file, a table, or something else that it does."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any, Literal

from sqlpipes.components.files import MAGIC, literal
from sqlpipes.components.processes import Running
from sqlpipes.core.definitions import (
    Building,
    Definitions,
    Entry,
    Execution,
    File,
    asset,
    component,
)

EXAMPLE = """\
type: script
attributes:
  name: rates
  run: scripts/rates.py
  table: csv
"""


@component(name="script", example=EXAMPLE)
class Script:
    """A Python script or a command as an asset. It finds what it is asked for in its environment."""

    name: str  # of the asset
    # the path of a Python script below the project; or a command, as a list of arguments that no
    # shell interprets
    run: str | list[str]
    args: list[str] = []  # more arguments
    deps: list[str] = []  # assets that it reads, or that have to be there
    # it writes this file: to $SQLPIPES_FILE, which is then put in its place
    file: str | None = None
    # it writes rows in this format to $SQLPIPES_OUTPUT, which become the asset's table
    table: Literal["csv", "parquet", "json"] | None = None
    env: dict[str, str] = {}  # more variables for its environment
    # patterns of files whose change makes it stale; the script's own does so anyway
    watch: list[str] = []
    # as in a model; the window to build is in the environment
    partition: dict[str, Any] | None = None
    timeout_s: float | None = None  # then it is ended
    retries: int = 0
    # keys of a model's front matter: description, owner, tags, checks ...
    asset: dict[str, Any] = {}

    def build(self, context: Building) -> Definitions:
        if self.file and self.table:
            raise ValueError("a script writes either a `file` or a `table`")
        if self.partition and not self.table:
            raise ValueError("only a script that writes a `table` can have a `partition`")
        command = [sys.executable, self.run] if isinstance(self.run, str) else self.run
        run_it = Running([*command, *self.args], context.root, self.env, self.timeout_s)
        made = self.declare(context)(self.function(run_it))
        described = [Entry("models", self.name, self.asset)] if self.asset else []
        return Definitions(assets=[made], sources=described)

    def declare(self, context: Building) -> Any:
        """The decorator with all that is said here."""
        return asset(
            name=self.name,
            deps=self.deps,
            kind="script",
            materialized="file" if self.file else "table" if self.table else "none",
            partition=context.partition(self.partition) if self.partition else None,
            version=self.version(context),
            retries=self.retries,
        )

    def function(self, run_it: Running) -> Any:
        """What the asset calls, by what it writes."""
        file, format = self.file, self.table

        def written(context: Execution) -> File:
            place = context.file(file or "")
            run_it(context, {"SQLPIPES_FILE": os.fspath(place)})
            return place if os.path.exists(os.fspath(place)) else File(file or "")

        def rows(context: Execution) -> Iterator[Any]:
            with tempfile.TemporaryDirectory() as folder:
                output = os.path.join(folder, f"rows.{format}")
                run_it(context, {"SQLPIPES_OUTPUT": output})
                if not os.path.exists(output):
                    raise FileNotFoundError(f"{run_it.shown} wrote no rows to $SQLPIPES_OUTPUT")
                yield context.sql(f"select * from read_{format}({literal(output)})")

        def done(context: Execution) -> None:
            run_it(context, {})

        return written if file else rows if format else done

    def version(self, context: Building) -> str:
        """Moves with the command, and with the files of the project that it names or is told to watch."""
        command = [self.run] if isinstance(self.run, str) else self.run
        if isinstance(self.run, str) and not context.glob(self.run):
            raise FileNotFoundError(
                f"there is no script {self.run}; a path counts from the project"
            )
        named = [each for each in (*command, *self.args) if not MAGIC.search(each)]
        patterns = [*named, *self.watch]
        found = [file for each in patterns for file in context.glob(each)]
        said = [command, self.args, self.file, self.table, sorted(self.env)]
        seen = [f"{file} {context.digest(file)}" for file in dict.fromkeys(found)]
        return hashlib.blake2b(repr([said, seen]).encode(), digest_size=16).hexdigest()
