"""A query's columns + its table's columns -> what differs, and the statements that mend it.

Only what is kept from build to build has this question: a relation that is written anew takes the
query's columns as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sqlpipes.core.asset import Asset, PythonBody
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Capabilities
from sqlpipes.core.errors import EngineError, Problem, did_you_mean
from sqlpipes.core.sql.relation import fold
from sqlpipes.core.strategy import SchemaChange
from sqlpipes.run.extras import index_name
from sqlpipes.run.statement import Columns, Purpose, Statement
from sqlpipes.run.work import Work


@dataclass(frozen=True, slots=True)
class Difference:
    """What a query has that its table lacks, the other way round, and (name, old, new) types."""

    added: Columns = ()
    removed: Columns = ()
    retyped: tuple[tuple[str, str, str], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.retyped)

    def __str__(self) -> str:
        said = [f"they lack the column '{name}'" for name, _ in self.removed]
        said += [f"the table has no column '{name}'" for name, _ in self.added]
        said += [
            f"column '{name}' is {old} in the table and {new} here"
            for name, old, new in self.retyped
        ]
        return "; ".join(said)


def difference(new: Columns, old: Columns, dialect: str) -> Difference:
    """How the columns differ. A FIT tells a type that the table's own can hold as the table's.

    >>> print(difference((("a", "BIGINT"), ("B", "DATE")), (("b", "DATE"), ("c", "DATE")), "duckdb"))
    they lack the column 'c'; the table has no column 'a'
    """
    mine = {fold(name, True, dialect): kind for name, kind in new}
    theirs = {fold(name, True, dialect): (name, kind) for name, kind in old}
    return Difference(
        tuple((name, kind) for name, kind in new if fold(name, True, dialect) not in theirs),
        tuple((name, kind) for name, kind in old if fold(name, True, dialect) not in mine),
        tuple(
            (theirs[key][0], theirs[key][1], kind)
            for key, kind in mine.items()
            if key in theirs and kind != theirs[key][1]
        ),
    )


def compared(asset: Asset) -> str:
    """What `plan --sql` says of a FIT."""
    return f"-- columns are compared first (on_schema_change: {asset.on_schema_change})\n"


def names_of(columns: Columns, can: Capabilities) -> list[str]:
    return [can.name(name) for name, _ in columns]


def both(new: Columns, old: Columns, dialect: str) -> Columns:
    """The columns of `new` that `old` has as well."""
    known = {fold(name, True, dialect) for name, _ in old}
    return tuple(column for column in new if fold(column[0], True, dialect) in known)


def without(columns: Columns, names: Iterable[str], dialect: str) -> Columns:
    taken = {fold(name, True, dialect) for name in names}
    return tuple(column for column in columns if fold(column[0], True, dialect) not in taken)


def altered(work: Work, found: Difference) -> tuple[Statement, ...]:
    """The DDL that `on_schema_change: add` and `sync` call for. Raises EngineError BLD010 for `fail`.

    `add` leaves types alone but refuses values that do not fit; REBUILD and IGNORE alter nothing.
    """
    policy = work.asset.on_schema_change
    if policy is SchemaChange.FAIL and found:
        raise refused(work.asset, found)
    if policy is SchemaChange.ADD and found.retyped:
        raise refused(work.asset, Difference(retyped=found.retyped))
    changes: list[str] = []
    name_of = work.warehouse.can.name
    if policy in (SchemaChange.ADD, SchemaChange.SYNC):
        changes += [f"add column {name_of(name)} {kind}" for name, kind in found.added]
    if policy is SchemaChange.SYNC:
        changes += [f"drop column {name_of(name)}" for name, _ in found.removed]
        if work.warehouse.can.retypes:
            changes += [_retyped(work, name, kind) for name, _, kind in found.retyped]
    alter = tuple(
        Statement(
            f"alter table {work.table} {change}",
            Purpose.PREPARE,
            disturbs=None if change.startswith("add") else work.relation,
        )
        for change in changes
    )
    if policy is SchemaChange.SYNC and not work.warehouse.can.retypes:
        moved = (_moved(work, name, kind) for name, _, kind in found.retyped)
        return (*alter, *(each for column in moved for each in column))
    return (*_freed(work), *alter) if alter else ()


def _moved(work: Work, name: str, kind: str) -> tuple[Statement, ...]:
    """A column of another type, by way of a second one."""
    table, name_of = work.table, work.warehouse.can.name
    old, new = name_of(name), name_of(f"sqlpipes_{name}")
    said = (
        f"alter table {table} add column {new} {kind}",
        f"update {table} set {new} = cast({old} as {kind})",
        f"alter table {table} drop column {old}",
        f"alter table {table} rename column {new} to {old}",
    )
    return tuple(Statement(sql, Purpose.PREPARE) for sql in said)


def _freed(work: Work) -> tuple[Statement, ...]:
    """Its indexes are in the way of an ALTER on some engines; they are made again after the rows."""
    bound = work.warehouse.can.indexes_bind
    names = (
        index_name(index, work.relation, work.warehouse)
        for index in (work.asset.extras.indexes or () if bound else ())
    )
    places = (work.warehouse.quote(replace(work.relation, name=name)) for name in names)
    return tuple(Statement(f"drop index if exists {place}", Purpose.PREPARE) for place in places)


def as_stored(work: Work, found: Difference) -> tuple[Statement, ...]:
    """With `on_schema_change: ignore`, staged values become what the table's columns hold."""
    if work.asset.on_schema_change is not SchemaChange.IGNORE:
        return ()
    return tuple(
        Statement(
            f"alter table {work.stage} {_retyped(work, name, kind)}",
            Purpose.PREPARE,
        )
        for name, kind, _ in found.retyped
    )


def _retyped(work: Work, name: str, kind: str) -> str:
    """Raises EngineError BLD010 where no column's type can be changed."""
    if not work.warehouse.can.retyped:
        message = f"column '{name}' of '{work.asset.name}' cannot become {kind}"
        hint = "the engine changes no column's type: --full-refresh writes the table anew"
        raise EngineError(Problem("BLD010", message, work.asset.at, hint))
    return work.warehouse.can.retyped.format(name=work.warehouse.can.name(name), type=kind)


def refused(asset: Asset, found: Difference) -> EngineError:
    """BLD010: what differs, and the ways out."""
    message = f"these rows do not fit the table of '{asset.name}': {found}"
    ways = "on_schema_change: add, sync or rebuild follows the query"
    if asset.on_schema_change is SchemaChange.ADD:
        ways = "on_schema_change: sync changes types too"
    if isinstance(asset.body, PythonBody):
        ways = ways.replace("add, sync or rebuild", "add or sync").replace("query", "function")
    anew = "--full-refresh writes the table anew"
    if asset.snapshot is not None:
        anew = "--full-refresh begins a new history"
        ways = ways.replace("add, sync or rebuild", "add or sync")
    elif asset.partition is not None:
        anew += ", all its slices"
    return EngineError(Problem("BLD010", message, asset.at, f"{ways}; {anew}"))


def must_have(work: Work, new: Columns, wanted: Iterable[tuple[str, str]]) -> None:
    """EngineError BLD016 for every (setting, column) that the query does not yield, all at once."""
    dialect = work.warehouse.dialect
    known = {fold(name, True, dialect) for name, _ in new}
    problems = [
        Problem(
            "BLD016",
            f"the query of '{work.asset.name}' has no column '{name}', which is its {setting}",
            work.asset.at,
            did_you_mean(name, [column for column, _ in new]),
        )
        for setting, name in dict.fromkeys(wanted)
        if fold(name, True, dialect) not in known
    ]
    if problems:
        raise EngineError(*problems)
