"""What a linked project needs to say its queries in the target's dialect."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.sql.porting.ported import Ported, Typed

NO_TABLES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Porter:
    """`columns` and `print` are asked by an asset's name: its columns, and a text that moves with them.

    `keep` gives what it holds under a key, or makes it and holds it. `unchecked`: whatever sqlglot
    makes of a query is taken. `save` puts on the disk what is new and may be put there.
    """

    read: str
    write: str
    columns: Callable[[str], Typed | None]
    print: Callable[[str], str]
    keep: Callable[[str, Callable[[], Ported], bool], Ported]
    save: Callable[[], None]
    unchecked: bool = False

    def query(
        self, text: str, tables: Mapping[str, str], *, named: bool, lasting: bool = True
    ) -> Ported:
        """`tables`: a table's name in the text -> the asset that it is. What is not `lasting`, such as
        a text that was rendered, is kept in memory only: it may hold a secret."""
        from sqlpipes.core.sql.porting import port

        def make() -> Ported:
            return port(text, self.read, self.write, known, named=named, unchecked=self.unchecked)

        def known(name: str) -> Typed | None:
            asset = tables.get(name.casefold())
            return self.columns(asset) if asset is not None else None

        prints = [self.print(asset) for asset in tables.values()]
        return self.keep(self._key("query", text, str(named), *prints), make, lasting)

    def condition(self, text: str, asset: str, tables: Mapping[str, str] = NO_TABLES) -> Ported:
        """An expression about each row of an asset. `tables`: as in `query`, of the queries in it."""
        from sqlpipes.core.sql.porting import port_condition

        def make() -> Ported:
            return port_condition(text, self.read, self.write, known, unchecked=self.unchecked)

        def known(name: str) -> Typed | None:
            return self.columns(tables.get(name.casefold(), asset))

        prints = [self.print(each) for each in (asset, *tables.values())]
        return self.keep(self._key("condition", text, *prints), make, True)

    def expression(self, text: str, asset: str) -> Ported:
        """An expression over all rows of an asset: an aggregate."""
        from sqlpipes.core.sql.porting import port_expression

        return self._said("expression", port_expression, text, asset)

    def _said(self, kind: str, port: Callable[..., Ported], text: str, asset: str) -> Ported:
        def make() -> Ported:
            columns = self.columns(asset)
            return port(text, self.read, self.write, columns, unchecked=self.unchecked)

        return self.keep(self._key(kind, text, self.print(asset)), make, True)

    def _key(self, *parts: str) -> str:
        from sqlpipes.core.sql.porting import PORTER

        said = "\0".join([str(PORTER), self.read, self.write, str(self.unchecked), *parts])
        return hashlib.blake2b(said.encode(), digest_size=16).hexdigest()
