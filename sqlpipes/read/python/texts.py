"""The texts that a user's file reaches, each read and parsed once."""

from __future__ import annotations

import os

from sqlpipes.read.python.meaning import normal_form
from sqlpipes.read.python.modules import Unit
from sqlpipes.read.python.source import Text, read_text


class Texts:
    """`known`: texts by file that are at hand; those that are read join them."""

    def __init__(self, unit: Unit, known: dict[str, Text] | None = None) -> None:
        self.unit = unit
        self._known = {} if known is None else known
        self._around: str | None = None

    def of(self, file: str) -> Text:
        """Raises OSError and SyntaxError."""
        if file not in self._known:
            with open(file, "rb") as stream:
                relative = os.path.relpath(file, self.unit.root).replace(os.sep, "/")
                self._known[file] = read_text(stream.read(), relative)
        return self._known[file]

    @property
    def own(self) -> Text:
        """That of the file itself."""
        return self.of(self.unit.module.file)

    def of_module(self, name: str) -> Text | None:
        """By a dotted name as an import says it: a relative one begins with dots."""
        wanted = name.lstrip(".")
        every = {self.unit.module.name: self.unit.module, **self.unit.reached}
        found = every.get(name) or next(
            (module for dotted, module in every.items() if dotted.endswith(f".{wanted}")), None
        )
        return self.of(found.file) if found else None

    @property
    def around(self) -> str:
        """The code of every other file that the file reaches, in a normal form."""
        if self._around is None:
            said = [
                f"{name}\n{normal_form(self.of(module.file).tree.body)}"
                for name, module in sorted(self.unit.reached.items())
            ]
            self._around = "\n".join(said)
        return self._around

    @property
    def is_alone(self) -> bool:
        """Whether nothing that the file reaches imports it in turn."""
        name = self.unit.module.name
        last = name.rpartition(".")[2]
        every = (each for module in self.unit.reached.values() for each in module.imports)
        return not any(each in (name, last) or each.endswith(f".{last}") for each in every)
