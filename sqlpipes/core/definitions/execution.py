"""What a function gets as its parameter `context`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions.values import File, Window


def _no_warehouse(query: str) -> Any:
    raise RuntimeError(f"no warehouse is open here to run: {query}")


def _where_it_is(path: str, said: str) -> str:
    return path


@dataclass(frozen=True, slots=True)
class Execution:
    """Every field but `asset` has a default, for tests.

    `sql(query)` runs a query on the build's own connection and gives the engine's lazy relation;
    table names in it resolve as in a SQL model.

    >>> Execution("daily", root="/project").path("output/daily.html")
    '/project/output/daily.html'
    """

    asset: str
    partition: Window | None = None  # None: the asset is not partitioned
    target: str = "dev"
    run_id: str = ""  # of the build that calls it, as `sqlpipes runs` tells it
    root: str = "."  # the project's folder, absolute in a build
    vars: Mapping[str, Plain] = field(default_factory=dict)
    sql: Callable[[str], Any] = _no_warehouse
    this: Any = None  # the asset's rows that are there and stay, lazy; None: it is written anew
    metadata: dict[str, Any] = field(default_factory=dict)
    selected: frozenset[str] = frozenset()  # of several assets of one function: those to make
    output: str | None = None  # `path` of the decorator
    places: Callable[[str, str], str] = _where_it_is  # absolute path, as said -> where to write
    staged: Mapping[str, str] = field(default_factory=dict)  # absolute path -> not published yet

    @property
    def incremental(self) -> bool:
        """Whether rows of earlier builds are there and stay: only what is new is wanted."""
        return self.this is not None

    def newest(self, column: str, otherwise: Any = None) -> Any:
        """The highest value of a column among the rows that are there; `otherwise` when there are none,
        or when the table is written anew.

        >>> Execution("orders").newest("changed_at", otherwise="1970-01-01")
        '1970-01-01'
        """
        if self.this is None:
            return otherwise
        name = column.replace('"', '""')
        ((found,),) = self.this.aggregate(f'max("{name}")').fetchall()
        return otherwise if found is None else found

    @property
    def partition_keys(self) -> list[str]:
        """The keys of the slices to build, in order; none without a partition."""
        return list(self.partition.slices) if self.partition else []

    def log_metadata(self, **values: Any) -> None:
        """Show these values with the build; a later value for a name replaces the earlier."""
        self.metadata.update(values)

    def path(self, name: str) -> str:
        """A path inside the project; an absolute one stays as it is. A check of a file that is not
        published yet is told where it waits."""
        found = self._absolute(name)
        for path, place in self.staged.items():
            if found.rstrip("/") == path or found.startswith(f"{path}/"):
                return place + found[len(path) :]
        return found

    def file(self, name: str | None = None, **metadata: Any) -> File:
        """A File to write and to return: it takes the old one's place only when all went well.

        A name that ends with / is a folder, which is there and empty. Without a name it is the `path`
        of the decorator. Raises for a path where something stands that no build of the asset wrote.

        >>> Execution("daily", root="/project").file("daily.html").place
        '/project/daily.html'
        """
        name = self.output if name is None else str(name)
        if not name:
            raise TypeError("context.file needs a path, here or as path=... in the decorator")
        return File(name, metadata, self.places(self._absolute(name), name))

    def _absolute(self, name: str) -> str:
        return name if name.startswith("/") else f"{self.root.rstrip('/')}/{name}"
