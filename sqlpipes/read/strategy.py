"""The settings of what is kept from build to build -> typed values, every fault at its own key."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field, replace
from enum import StrEnum
from typing import TypeVar

from sqlpipes.core.asset import Materialized
from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, Severity, did_you_mean
from sqlpipes.core.strategy import (
    HardDeletes,
    Incremental,
    SchemaChange,
    Snapshot,
    SnapshotColumns,
    Strategy,
)
from sqlpipes.read import settings as s
from sqlpipes.read.marked import Node
from sqlpipes.read.project_file import YAML_NAMES
from sqlpipes.read.settings import Layered

Choice = TypeVar("Choice", bound=StrEnum)

STRATEGIES = ("slices", "merge", "append", "full")
STATES = ("timestamp", "check")
DBT_STRATEGIES = {
    "delete+insert": "merge",
    "insert_overwrite": "slices",
    "microbatch": "slices",
    "replace": "slices",
    "table": "full",
}
DBT_SCHEMA_CHANGES = {
    "append_new_columns": "add",
    "sync_all_columns": "sync",
    "add_columns": "add",
}
DBT_COLUMNS = {
    "dbt_valid_from": "valid_from",
    "dbt_valid_to": "valid_to",
    "dbt_is_deleted": "is_deleted",
}
COLUMNS = ("valid_from", "valid_to", "is_current", "is_deleted")
OF_MERGE = ("updated_at", "merge_update_columns", "merge_exclude_columns")
OF_SNAPSHOT = ("check_columns", "hard_deletes", "snapshot_columns")


@dataclass(frozen=True, slots=True)
class Kept:
    """How an asset is materialized, with what it takes to keep its rows.

    `said` is the user's own word for it: an incremental asset of slices is a table here.
    """

    kind: Materialized
    said: Materialized
    unique_key: tuple[str, ...] = ()
    incremental: Incremental = field(default_factory=Incremental)
    snapshot: Snapshot | None = None
    on_schema_change: SchemaChange = SchemaChange.FAIL

    def plain(self) -> dict[str, Plain]:
        """The settings that change what stored rows say; what only steers later builds is none."""
        found: dict[str, Plain] = {}
        how = self.incremental
        if how != Incremental():
            lists: list[Plain] = [list(how.update_columns), list(how.exclude_columns)]
            found["incremental"] = [how.strategy.value, how.updated_at, *lists]
        if self.snapshot is not None:
            names = self.snapshot.names
            found["snapshot"] = [names.valid_from, names.valid_to, names.is_current]
        return found


def read_kept(merged: Layered, asks: Callable[[], bool], problems: list[Problem]) -> Kept:
    """`asks`: the query tells later builds from the first. Faults are PAR003, MAT00x and CFG002."""
    said = s.materialized(merged.node("materialized"), problems)
    cut = merged.node("partition")
    said = said or (Materialized.TABLE if cut is not None else Materialized.VIEW)
    key = s.texts(merged.node("unique_key"), problems)
    change = _choice(
        merged.node("on_schema_change"),
        SchemaChange,
        SchemaChange.FAIL,
        DBT_SCHEMA_CHANGES,
        problems,
    )
    found = Kept(said, said, key, on_schema_change=change)
    if said is Materialized.SNAPSHOT:
        return _snapshot(found, merged, problems)
    if said is Materialized.INCREMENTAL:
        return _incremental(found, merged, asks, problems)
    if cut is not None and said not in (Materialized.TABLE, Materialized.FILE):
        problems.append(_uncut(said, merged, cut))
    useless: tuple[str, ...] = ("unique_key", "strategy", *OF_MERGE, *OF_SNAPSHOT)
    if said is Materialized.FILE:
        useless += ("on_schema_change", "skip_unchanged")
    problems += _useless(merged, useless, f"materialized: {said}")
    return found


def _uncut(said: Materialized, merged: Layered, cut: Node) -> Problem:
    node = merged.node("materialized")
    hint = "write `materialized: table`: its slices are replaced one by one"
    message = f"materialized: {said} and a partition do not go together"
    return Problem("PAR003", message, cut.key_at, hint, others=(node.key_at,) if node else ())


# ----------------------------------------------------------------------------------- incremental


def _incremental(
    found: Kept, merged: Layered, asks: Callable[[], bool], problems: list[Problem]
) -> Kept:
    cut, node = merged.node("partition"), merged.node("strategy")
    strategy = _strategy(node, STRATEGIES, DBT_STRATEGIES, problems)
    if strategy is None:
        strategy = "slices" if cut is not None else "merge"
    if cut is not None and strategy != "slices" and node is not None:
        hint = "a slice is replaced as a whole: drop `strategy:`, or the partition"
        message = f"strategy: {strategy} and a partition do not go together"
        problems.append(Problem("PAR003", message, cut.key_at, hint, others=(node.key_at,)))
    used = {"slices": (), "full": (), "append": (), "merge": ("unique_key", *OF_MERGE)}[strategy]
    useless = [key for key in ("unique_key", *OF_MERGE, *OF_SNAPSHOT) if key not in used]
    problems += _useless(merged, useless, f"strategy: {strategy}")
    if strategy == "merge":
        return _merge(found, merged, problems)
    if strategy == "append":
        problems += [] if asks() or node is None else [_endless(node)]
        return _with(found, incremental=Incremental(Strategy.APPEND))
    if cut is None and strategy == "slices" and node is not None:
        hint = "for example partition: {by: day, column: order_date, start: 2024-01-01}"
        problems.append(Problem("MAT003", "strategy: slices needs a partition", node.at, hint))
    return _with(found, kind=Materialized.TABLE)


def _endless(node: Node) -> Problem:
    message = "strategy: append, but the query does not ask is_incremental()"
    hint = (
        "every build would add all rows again: filter by {% if is_incremental() %} where ... "
        "{% endif %}, name a unique_key, or cut it with `partition:`"
    )
    return Problem("MAT003", message, node.at, hint)


def _merge(found: Kept, merged: Layered, problems: list[Problem]) -> Kept:
    if not found.unique_key:
        at = _first_at(merged, ("materialized", "strategy"))
        hint = "name the columns of its key, cut it with `partition:`, or write strategy: append"
        problems.append(Problem("MAT001", "an incremental model needs a unique_key", at, hint))
    updated_at = s.text(merged.node("updated_at"), problems) or None
    update = s.texts(merged.node("merge_update_columns"), problems)
    exclude = s.texts(merged.node("merge_exclude_columns"), problems)
    if update and exclude:
        problems.append(_contradiction(merged, "merge_exclude_columns", "merge_update_columns"))
    keys = {name.casefold() for name in found.unique_key}
    never = keys | ({updated_at.casefold()} if updated_at else set())
    for item in _items(merged.node("merge_exclude_columns")):
        if updated_at and str(item.value).casefold() == updated_at.casefold():
            message = f"'{item.value}' is the updated_at: it must be updated with its row"
            problems.append(Problem("MAT004", message, item.at, "take it off the list"))
    kept = tuple(name for name in exclude if name.casefold() not in never)
    incremental = Incremental(Strategy.MERGE, updated_at, update, kept)
    return _with(found, incremental=incremental)


# -------------------------------------------------------------------------------------- snapshot


def _snapshot(found: Kept, merged: Layered, problems: list[Problem]) -> Kept:
    cut = merged.node("partition")
    if cut is not None:
        hint = "a snapshot keeps all times in one table; cut its readers instead"
        message = "materialized: snapshot and a partition do not go together"
        problems.append(Problem("PAR003", message, cut.key_at, hint))
    if not found.unique_key:
        hint = "name the columns that say which rows are the same thing at another time"
        at = _first_at(merged, ("materialized",))
        problems.append(Problem("MAT001", "a snapshot needs a unique_key", at, hint))
    if found.on_schema_change is SchemaChange.REBUILD and (node := merged.node("on_schema_change")):
        message = "a snapshot cannot be rebuilt: what it saw is nowhere else"
        problems.append(Problem("MAT004", message, node.at, "write fail, add, sync or ignore"))
    how = Snapshot(
        *_states(merged, problems),
        _choice(merged.node("hard_deletes"), HardDeletes, HardDeletes.IGNORE, {}, problems),
        _columns(merged.node("snapshot_columns"), problems),
    )
    problems += _useless(
        merged, ("merge_update_columns", "merge_exclude_columns"), "materialized: snapshot"
    )
    return _with(found, snapshot=how)


def _states(merged: Layered, problems: list[Problem]) -> tuple[str | None, tuple[str, ...]]:
    """(updated_at, check columns): what makes another state of the same key."""
    node, updated, checked = (
        merged.node(key) for key in ("strategy", "updated_at", "check_columns")
    )
    strategy = _strategy(node, STATES, {}, problems)
    if strategy is None and node is not None:
        return None, ()
    if strategy is None:
        strategy = "timestamp" if updated is not None else "check" if checked is not None else None
    if strategy is None or (strategy == "timestamp" and updated is None):
        at = _first_at(merged, ("strategy", "materialized"))
        hint = "updated_at: COLUMN, or strategy: check with check_columns: all or [A, B]"
        message = "a snapshot must be told how a change is seen"
        problems.append(Problem("MAT003", message, at, hint))
        return None, ()
    other = "check_columns" if strategy == "timestamp" else "updated_at"
    problems += _useless(merged, (other,), f"strategy: {strategy}")
    if strategy == "timestamp":
        return s.text(updated, problems) or None, ()
    columns = s.texts(checked, problems)
    return None, () if [name.casefold() for name in columns] == ["all"] else columns


def _columns(node: Node | None, problems: list[Problem]) -> SnapshotColumns:
    names = {name: name for name in COLUMNS}
    if node is not None and not isinstance(node.value, dict):
        problems.append(s.wrong(node, f"a mapping of {', '.join(COLUMNS)} to other names"))
    for written, below in node.entries() if node else ():
        key = DBT_COLUMNS.get(written, written)
        if key not in names:
            hint = did_you_mean(key, COLUMNS) or f"known: {', '.join(COLUMNS)}"
            message = f"a snapshot adds no column '{written}'"
            problems.append(Problem("CFG001", message, below.key_at, hint))
        else:
            names[key] = s.text(below, problems) or key
    folded = [name.casefold() for name in names.values()]
    if node is not None and len(set(folded)) < len(folded):
        message = "two columns of a snapshot have the same name"
        problems.append(Problem("MAT004", message, node.at))
    return SnapshotColumns(**names)


# ---------------------------------------------------------------------------------------- shared


def _with(found: Kept, **changed: object) -> Kept:

    return replace(found, **changed)  # type: ignore[arg-type]


def _strategy(
    node: Node | None, allowed: Iterable[str], others: Mapping[str, str], problems: list[Problem]
) -> str | None:
    """None when nothing is said, or nothing that is known."""
    if node is None:
        return None
    said = str(node.value).casefold()
    value = others.get(said, said)
    if value in allowed:
        return value
    hint = did_you_mean(said, allowed) or f"known: {', '.join(allowed)}"
    problems.append(Problem("CFG002", f"there is no strategy '{node.value}' here", node.at, hint))
    return None


def _choice(
    node: Node | None,
    kind: type[Choice],
    default: Choice,
    others: Mapping[str, str],
    problems: list[Problem],
) -> Choice:
    """A member of `kind` by its value, or by another name for it."""
    if node is None:
        return default
    said = str(node.value).casefold()
    allowed = [member.value for member in kind]
    if others.get(said, said) in allowed:
        return kind(others.get(said, said))
    near = did_you_mean(said, allowed)
    problem = s.wrong(node, f"one of {', '.join(allowed)}")
    problems.append(Problem(problem.code, problem.message, problem.at, near))
    return default


def _items(node: Node | None) -> list[Node]:
    return list(node.items()) if node is not None else []


def _first_at(merged: Layered, keys: Iterable[str]) -> Location | None:
    return next((node.at for key in keys if (node := merged.node(key)) is not None), None)


def _contradiction(merged: Layered, one: str, other: str) -> Problem:
    nodes = [node for key in (one, other) if (node := merged.node(key)) is not None]
    message = f"{one} and {other} say the same thing twice"
    return Problem(
        "MAT004", message, nodes[0].key_at, "keep one of them", others=(nodes[1].key_at,)
    )


MEANT = {
    "unique_key": "it says which rows are replaced; a check `unique` proves a key",
    "strategy": "it says how an incremental model or a snapshot takes up new rows",
}


def _useless(merged: Layered, keys: Iterable[str], where: str) -> list[Problem]:
    """MAT002 for keys that change nothing there; a folder's defaults are meant for others as well."""
    found = [(key, node) for key in keys if (node := merged.node(key)) is not None]
    return [
        Problem(
            "MAT002",
            f"{key} does nothing for {where}",
            node.key_at,
            MEANT.get(key),
            Severity.WARNING,
        )
        for key, node in found
        if node.file not in ("pyproject.toml", *YAML_NAMES)
    ]
