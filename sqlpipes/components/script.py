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
from sqlpipes.components.secrets import refuse_literals
from sqlpipes.core.definitions import (
    Building,
    Definitions,
    Entry,
    Execution,
    FieldError,
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
        refuse_literals("env", context)
        if self.file and self.table:
            raise FieldError("file", "a script writes either a `file` or a `table`")
        if self.partition and not self.table:
            message = "only a script that writes a `table` can have a `partition`"
            raise FieldError("partition", message)
        if not self.run:
            raise FieldError("run", "there is nothing to run")
        command = [sys.executable, self.run] if isinstance(self.run, str) else self.run
        run_it = Running(
            [*command, *self.args],
            context.root,
            self.env,
            self.timeout_s,
            {field: context.place(field) for field in ("run", "table", "timeout_s")},
        )
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
                    message = f"{run_it.shown} wrote no rows to $SQLPIPES_OUTPUT"
                    raise FieldError("table", message, at=run_it.places.get("table"))
                yield context.sql(f"select * from read_{format}({literal(output)})")

        def done(context: Execution) -> None:
            run_it(context, {})

        return written if file else rows if format else done

    def version(self, context: Building) -> str:
        """Moves with the command, and with the files of the project that it names or is told to watch."""
        command = [self.run] if isinstance(self.run, str) else self.run
        if isinstance(self.run, str) and not context.glob(self.run):
            raise FieldError("run", f"there is no script {self.run}", self.no_script())
        named = [each for each in (*command, *self.args) if not MAGIC.search(each)]
        patterns = [*named, *self.watch]
        found = [file for each in patterns for file in context.glob(each)]
        said = [command, self.args, self.file, self.table, self.told_env(context)]
        seen = [f"{file} {context.digest(file)}" for file in dict.fromkeys(found)]
        return hashlib.blake2b(repr([said, seen]).encode(), digest_size=16).hexdigest()

    def no_script(self) -> str:
        """What to do about a script that is not there: `echo hi` is a command, and no path."""
        if isinstance(self.run, str) and " " in self.run.strip():
            return f"a command is a list of arguments: [{', '.join(self.run.split())}]"
        return "a path counts from the project's folder; a command is a list of arguments"

    def told_env(self, context: Building) -> list[tuple[str, str]]:
        """Its own variables, but what comes from outside by its name: that may be a secret, and moves."""
        said: Any = context.attributes.get("env") or {}
        return [
            (name, str(said[name]) if "env_var" in str(said.get(name, "")) else value)
            for name, value in sorted(self.env.items())
        ]
