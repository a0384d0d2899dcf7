"""How a dialect tells names apart, for whoever walks a query."""

from __future__ import annotations

from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.sql import fold


@dataclass(slots=True)
class Spelling:
    dialect: str

    def key(self, identifier: Any) -> str:
        """What the name of an identifier is compared by."""
        name: str = identifier.name
        if self.dialect == "duckdb":  # what `fold` does there, a hundred times for each query
            return name.casefold()
        return fold(name, bool(identifier.args.get("quoted")), self.dialect)

    def key_of(self, name: str) -> str:
        """The key of a name as a catalog spells it."""
        return fold(name, True, self.dialect)

    def spelt(self, identifier: Any) -> str:
        """The name that an output column gets from this identifier."""
        return identifier.name if self.dialect == "duckdb" else self.key(identifier)
