"""An asset under a new name: its state and its relation go with it, so that nothing is built again.

The warehouse comes first and the state second, with a note in the state around both: a process that
dies in between is followed by another call, which finishes the work, and by no build before that.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlpipes.api.observe import WAREHOUSE, is_as_we_left_it
from sqlpipes.api.project import Project, open_store_of
from sqlpipes.api.warehouses import stamp_of
from sqlpipes.core.asset import Asset, Check, Kind, Materialized, SourceBody
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import RelationType
from sqlpipes.core.errors import Problem, ProjectError, SqlpipesError, did_you_mean
from sqlpipes.core.history import Past
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.sql import Relation

if TYPE_CHECKING:
    from sqlpipes.core.engine import Engine
    from sqlpipes.run.warehouse import Warehouse
    from sqlpipes.stores import Move, Store

RENAMING = "renaming"  # the key of the note that a rename has begun

Reread = Callable[[Mapping[str, Relation]], Project]
"""Reads the project once more, as if these assets were written to these relations."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """What a rename does or did. `statements` ran in the warehouse; none: nothing had to.

    `gone`: nothing stood at `before`. `changed`: more than the name is another one, so the next build
    writes it anew. `readers` still read the old name.
    """

    old: str
    new: str
    built: Partitions
    before: str | None
    after: str | None
    statements: tuple[str, ...]
    gone: bool
    changed: bool
    resumed: bool
    readers: tuple[str, ...]


def rename(
    project: Project,
    old: str,
    new: str,
    reread: Reread,
    *,
    dry_run: bool = False,
    wait_s: float = 0,
) -> Renamed:
    """Give what is known and built of `old` to `new`, an asset of the project that was never built.

    Raises ProjectError REN00x when that cannot be, LockedError when a build is running. Calling it
    again after a crash finishes what was begun; `dry_run` only says what would be done.
    """
    from sqlpipes.stores import build_lock

    project.raise_errors()
    with ExitStack() as stack:
        if not dry_run:
            stack.enter_context(build_lock(project.root, wait_s=wait_s, command="rename"))
        store = stack.enter_context(closing(open_store_of(project)))
        if not dry_run:
            store.close_stale_runs()
        asset = _checked(project, store, old, new)
        trusted = is_as_we_left_it(project, store)
        with ExitStack() as opened:
            engine = _open(project, asset, opened, read_only=dry_run, wait_s=wait_s)
            found, move = _planned(project, store, old, asset, engine, reread)
            if dry_run:
                return found
            store.set_stamp(RENAMING, _note(found))
            try:
                _rename_relation(engine, asset, found.statements)
            except SqlpipesError:
                store.set_stamp(RENAMING, "")  # nothing was renamed, and there is nothing to finish
                raise
        store.move(move, done=RENAMING)
        _remember(project, store, trusted=trusted)
        return found


def left_behind(project: Project) -> list[str]:
    """Names that something was built under and that are in the project no more."""
    with closing(open_store_of(project)) as store:
        known = store.history().assets
    return sorted(name for name in known if known[name].built and name not in project.graph.assets)


def refuse_half_renamed(project: Project, store: Store) -> None:
    """A build between the two halves of a rename would write the asset anew. ProjectError REN007."""
    said = json.loads(store.stamp(RENAMING) or "{}")
    if said and said["new"] in project.graph.assets:
        message = f"renaming '{said['old']}' to '{said['new']}' was cut off half-way"
        hint = f"sqlpipes rename {said['old']} {said['new']} finishes it"
        raise ProjectError(Problem("REN007", message, hint=hint))


def _checked(project: Project, store: Store, old: str, new: str) -> Asset:
    """The asset to be, once everything that stands against it is ruled out."""
    graph, history = project.graph, store.history()
    there = graph.assets.get(old)
    if there is not None and not _is_implicit(there):
        hint = f"rename it in the project to '{new}' first, then run this again"
        if there.name == new:
            hint = "its name stays: where its schema or alias changes, the next build moves what it keeps"
        raise ProjectError(Problem("REN002", f"'{old}' is still in the project", there.at, hint))
    asset = project.asset(new)
    if asset.kind is Kind.SOURCE:
        message = f"'{new}' is a table of others, which nothing here has built"
        near = did_you_mean(new, [n for n, a in graph.assets.items() if a.kind is not Kind.SOURCE])
        raise ProjectError(Problem("REF003", message, hint=near))
    if not history.of(old).built:
        raise ProjectError(_unknown(old, asset.name, history.assets))
    if history.of(asset.name).built or history.of(asset.name).suspect:
        message = f"'{asset.name}' was built already, so '{old}' cannot take its place"
        hint = f"sqlpipes status {asset.name} shows what there is of it"
        raise ProjectError(Problem("REN003", message, asset.at, hint))
    if old in store.running():
        message = f"'{old}' is being built in another place"
        raise ProjectError(Problem("REN006", message, hint="wait for that build to end"))
    return asset


def _unknown(old: str, new: str, known: Mapping[str, Past]) -> Problem:
    named = [name for name, past in known.items() if past.built]
    hint = did_you_mean(old, [name for name in named if name != new])
    if new in known and known[new].relation == old:
        hint = f"that is where '{new}' was built last: its next build moves what it keeps"
    if hint is None and new in named:
        hint = f"'{new}' has some: it may have been renamed already"
    return Problem("REN001", f"nothing is known to be built of '{old}' in this target", hint=hint)


def _is_implicit(asset: Asset) -> bool:
    """Nobody declares it: a query that still has the old name reads it."""
    return isinstance(asset.body, SourceBody) and asset.body.implicit


def _open(
    project: Project, asset: Asset, stack: ExitStack, *, read_only: bool, wait_s: float
) -> Engine | None:
    from sqlpipes.engines import exists, open_engine

    target = project.target.on(asset.engine)
    if asset.relation is None or not exists(target, project.root):
        return None
    engine = open_engine(target, project.root, read_only=read_only, wait_s=wait_s)
    return stack.enter_context(closing(engine))


def _planned(
    project: Project, store: Store, old: str, asset: Asset, engine: Engine | None, reread: Reread
) -> tuple[Renamed, Move]:
    past = store.history([old]).of(old)
    before = _relation(_at_home(past.relation, asset), engine) if asset.relation else None
    found = Renamed(
        old=old,
        new=asset.name,
        built=past.slices(project.axis(asset.name)),
        before=past.relation,
        after=asset.place if asset.relation else past.relation,
        statements=(),
        gone=False,
        changed=False,
        resumed=False,
        readers=tuple(project.graph.children().get(old, ())),
    )
    resumed = store.stamp(RENAMING) == _note(found)
    move = _move(project, store, past, old, asset, before, reread)
    changed = move.version(past.version) != project.graph.version(asset.name)
    statements, gone = _statements(project, asset, before, engine, resumed)
    found = replace(found, statements=statements, gone=gone and not resumed)
    return replace(found, changed=changed, resumed=resumed), move


def _at_home(recorded: str | None, asset: Asset) -> str | None:
    """The relation on the engine that the asset lives on. REN005: it was built on another one."""
    engine, colon, relation = (recorded or "").rpartition(":")
    if recorded and engine != asset.engine:
        message = f"it was built on the engine '{engine or 'default'}', and '{asset.name}' is on "
        message += f"'{asset.engine or 'default'}'"
        hint = "build it there anew; the old one stays where it is"
        raise ProjectError(Problem("REN005", message, asset.at, hint))
    return relation if colon else recorded


def _note(found: Renamed) -> str:
    said = {"old": found.old, "new": found.new, "from": found.before, "to": found.after}
    return json.dumps(said)


def _relation(text: str | None, engine: Engine | None) -> Relation | None:
    """The relation that is recorded as text, as the warehouse spells it."""
    if not text:
        return None
    for relation in engine.relations() if engine else ():
        if str(relation) == text:
            return relation
    parts = text.split(".")
    return Relation(parts[-1], parts[-2] if len(parts) > 1 else "", ".".join(parts[:-2]) or None)


def _statements(
    project: Project,
    asset: Asset,
    before: Relation | None,
    engine: Engine | None,
    resumed: bool,
) -> tuple[tuple[str, ...], bool]:
    """What the warehouse is told, and whether there is nothing to tell it about."""
    from sqlpipes.run.rename import rename_sql
    from sqlpipes.run.warehouse import warehouse_of

    if before is None or asset.relation is None:
        return (), False
    if engine is None:
        return (), True
    schema = project.target.on(asset.engine).schema
    warehouse = replace(warehouse_of(engine, schema, project.root), engine=asset.engine)
    if warehouse.name(before) == warehouse.name(asset.relation):
        return (), False
    _refuse_place(asset, before, warehouse, resumed)
    try:
        found = rename_sql(before, asset.relation, warehouse)
        return found, warehouse.type_of(before) is None
    except ValueError as error:
        hint = "build it there anew; the old one stays where it is"
        raise ProjectError(Problem("REN005", str(error), asset.at, hint)) from None


def _refuse_place(asset: Asset, before: Relation, warehouse: Warehouse, resumed: bool) -> None:
    """What stands in the way in the warehouse: another relation there, or one of another kind here."""
    assert asset.relation is not None
    kind, taken = warehouse.type_of(before), warehouse.type_of(asset.relation)
    if taken is not None and not (resumed and kind is None):
        message = f"there is a {taken} {asset.relation} already"
        hint = (
            f"nobody has recorded it: drop it if it is not needed, or give '{asset.name}' an alias"
        )
        raise ProjectError(Problem("REN004", message, asset.at, hint))
    wanted = RelationType.VIEW if asset.materialized is Materialized.VIEW else RelationType.TABLE
    if kind is not None and kind is not wanted:
        message = f"{before} is a {kind}, and '{asset.name}' is to be a {wanted}"
        hint = f"rename it as a {kind}, or build '{asset.name}' anew"
        raise ProjectError(Problem("REN005", message, asset.at, hint))


def _move(
    project: Project,
    store: Store,
    past: Past,
    old: str,
    asset: Asset,
    before: Relation | None,
    reread: Reread,
) -> Move:
    """What of the recorded versions is the name's doing: the project read under the old relation says."""
    from sqlpipes.stores import Move

    was = reread({asset.name: before}) if before is not None else project
    then, now = was.graph.version(asset.name), project.graph.version(asset.name)
    bodies = then.partition(".")[0], now.partition(".")[0]
    settings = then.partition(".")[2], now.partition(".")[2]
    checks = _checks_version(was, old, asset.name), project.graph.checks_version(asset.name)
    relation = asset.place
    return Move(old, asset.name, relation, bodies, settings, checks)


def _checks_version(project: Project, old: str, new: str) -> str:
    """What the version of the gate was under the old name."""
    graph = project.graph
    named = {name: _check_before(check, old, new) for name, check in graph.checks.items()}
    return replace(graph, checks=named).checks_version(new)


def _check_before(check: Check, old: str, new: str) -> Check:
    if check.asset != new:
        return check
    head = f"{new}."
    name = f"{old}.{check.name.removeprefix(head)}" if check.name.startswith(head) else check.name
    return replace(check, asset=old, name=name)


def _rename_relation(engine: Engine | None, asset: Asset, statements: tuple[str, ...]) -> None:
    """All of it in one transaction: whoever dies in here leaves the warehouse as it was."""
    if engine is None or not statements or asset.relation is None:
        return
    engine.create_schemas([asset.relation.schema], asset.relation.catalog)
    with closing(engine.connect()) as connection, connection.transaction():
        for statement in statements:
            connection.execute(statement)


def _remember(project: Project, store: Store, *, trusted: bool) -> None:
    """What the warehouse looks like now, if nobody but us had written to it before."""
    if trusted:
        store.set_stamp(WAREHOUSE, stamp_of(project) or "")
