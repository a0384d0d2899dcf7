"""One component of a YAML file, and where it is read: all that its class may hang on."""

from __future__ import annotations

import json

from sqlpipes.core.config import Target
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location
from sqlpipes.read.braces import Names
from sqlpipes.read.components.catalog import Home
from sqlpipes.read.files import content_hash
from sqlpipes.read.marked import Node

FORMAT = 2  # raise it whenever the same entry may yield other facts


@dataclass(frozen=True, slots=True)
class Wanted:
    """`node`: its attributes, as they are written. `at`: where its `type:` stands."""

    home: Home
    node: Node
    at: Location
    root: str
    target: Target
    names: Names
    dialect: str

    def digest(self) -> str:
        """Moves with the entry, its place, the target and vars; not with what it only looks at."""
        home, target, under = self.home, self.target, self.node.path
        marks = [[p, m] for p, m in self.node.marks.items() if p.startswith(under)]
        place = [self.at.file, self.at.line, self.at.column]
        code = [home.name, home.cls, home.module, home.path, home.origin]
        where = [self.root, target.name, target.engine, target.schema, self.dialect]
        vars = dict(self.names.vars)
        said = [FORMAT, code, self.node.value, marks, place, where, vars]
        return content_hash(json.dumps(said, default=str).encode())
