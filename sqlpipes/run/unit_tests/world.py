"""A unit test + a graph -> a warehouse in which the inputs of its model stand, and nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from datetime import datetime
from typing import Any

from sqlpipes.core.asset import (
    Asset,
    Kind,
    Materialized,
    PythonBody,
    Scope,
    SeedBody,
    SourceBody,
    SqlBody,
)
from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Connection
from sqlpipes.core.errors import EngineError, Location, Problem, ProjectError
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import WHOLE
from sqlpipes.core.sql import Relation, literal
from sqlpipes.core.unit_test import CLOCKS, THIS, Form, Given, Sample, UnitTest
from sqlpipes.run.python import Place, call_asset
from sqlpipes.run.query import Query, asset_query
from sqlpipes.run.resources import no_resource
from sqlpipes.run.seeds import seed_query
from sqlpipes.run.statement import Purpose, Statement
from sqlpipes.run.unit_tests.columns import Skeleton
from sqlpipes.run.unit_tests.fitting import fitted
from sqlpipes.run.unit_tests.samples import stage
from sqlpipes.run.warehouse import Warehouse

COMPUTED = (Materialized.VIEW, Materialized.EPHEMERAL)  # of inputs that are not given


@dataclass(slots=True)
class World:
    """One test's warehouse. `stands` and `missing` grow while inputs are provided; it lives for one test.

    `folder` takes the place of the project's, for the files that the model reads. It is empty.
    """

    test: UnitTest
    graph: Graph
    warehouse: Warehouse
    connection: Connection
    skeleton: Skeleton
    folder: str
    root: str = "."
    target: str = "dev"
    vars: Mapping[str, Plain] = field(default_factory=dict)
    resource: Callable[[str], Any] = no_resource
    given: dict[str, Given] = field(default_factory=dict)
    stands: set[str] = field(default_factory=set)
    missing: dict[str, str] = field(default_factory=dict)  # input -> who reads it

    @property
    def model(self) -> Asset:
        return self.graph.assets[self.test.model]

    @property
    def place(self) -> Place:
        where = (self.graph, self.warehouse, self.connection, self.target, self.root, self.vars)
        return Place(*where, resource=self.resource)


def prepare(world: World) -> None:
    """The clock, the given inputs by name, and the graph with the test's own values in it."""
    set_clock(world.test.overrides.now, world.connection)
    named = ((given_name(given, world), given) for given in world.test.given)
    world.given.update({name: given for name, given in named if name})
    world.graph = _with_tables(_overridden(world), world)


def furnish(world: World, scope: Scope) -> None:
    """Provide everything that the model reads. Raises ProjectError with all that is missing (UTS005)."""
    if world.test.model in world.given:
        _load(world.test.model, world.given[world.test.model].sample, world)
    _provide_inputs(world.model, scope, world)
    if world.missing:
        raise ProjectError(*_not_given(world))


def given_name(given: Given, world: World) -> str | None:
    """The asset that an input means."""
    return asset_name(given.input, world.graph, world.test.model)


def asset_name(written: str, graph: Graph, model: str) -> str | None:
    """What a name in a unit test means: an asset, its table, or `this`; None: there is nothing."""
    if written.casefold() == THIS and THIS not in graph.assets:
        return model
    if written in graph.assets:
        return written
    return graph.index.get(tuple(part.casefold() for part in written.split(".")))


def set_clock(now: str | None, connection: Connection) -> None:
    """Let every function that reads the clock tell this time: macros hide the engine's own ones."""
    if now is None:
        return
    at = datetime.fromisoformat(now)
    zone = "" if at.tzinfo else "+00"
    instant = f"timestamptz '{at.isoformat(sep=' ')}{zone}'"
    for kind, names in CLOCKS.items():
        value = f"cast({instant} as timestamp)" if kind == "time" else instant
        for name in names:
            connection.execute(f"create or replace temp macro {name}() as cast({value} as {kind})")


# ----------------------------------------------------------------------------- the test's own graph


def _overridden(world: World) -> Graph:
    """The graph whose templates have the values of the test."""
    said = world.test.overrides
    if not said.of_template:
        return world.graph
    assets = dict(world.graph.assets)
    for name in {*world.graph.ancestors([world.test.model]), world.test.model}:
        body = assets[name].body
        if isinstance(body, SqlBody) and body.template is not None:
            try:
                template = body.template.overridden(said.vars, said.macros, said.env_vars)
            except ProjectError as error:
                raise _in_test(error, world) from error
            assets[name] = replace(assets[name], body=replace(body, template=template))
    return replace(world.graph, assets=assets)


def _in_test(error: ProjectError, world: World) -> ProjectError:
    """A fault of an override, at the test that says it."""
    return ProjectError(*(replace(p, at=p.at or world.test.at) for p in error.problems))


def _with_tables(graph: Graph, world: World) -> Graph:
    """The graph in which what is given, and has no table of its own, has one."""
    changed = {
        name: replace(
            asset,
            relation=Relation(name, world.warehouse.default_schema),
            materialized=Materialized.TABLE,
            export=None,
        )
        for name in graph.assets
        if (asset := graph.assets[name]).relation is None
        and not _is_files(asset)
        and (asset.export or _has_rows(world.given.get(name)))
    }
    return replace(graph, assets={**graph.assets, **changed}) if changed else graph


def _has_rows(given: Given | None) -> bool:
    return given is not None and given.sample.form is not Form.PROJECT


def _is_files(asset: Asset) -> bool:
    return isinstance(asset.body, SourceBody) and bool(asset.body.files)


# ------------------------------------------------------------------------------------------ inputs


def _provide_inputs(asset: Asset, scope: Scope, world: World) -> None:
    for name in inputs_of(asset, scope, world.graph):
        if name not in world.stands:
            world.stands.add(name)
            _provide(name, asset.name, world)


def inputs_of(asset: Asset, scope: Scope, graph: Graph) -> tuple[str, ...]:
    """What exactly this rendering of a query reads, or a function takes."""
    if isinstance(asset.body, SqlBody):
        rendered = asset.body.render(scope)
        tables = (graph.resolve(reference) for reference in rendered.references)
        found = [name for name in tables if name is not None]
        if rendered.files:
            found += [name for name in graph.parents(asset.name) if _is_files(graph.assets[name])]
        return tuple(dict.fromkeys(found))
    return graph.parents(asset.name)


def _provide(name: str, reader: str, world: World) -> None:
    """Let the input stand: as given, as the project has it, empty, or note that it is missing."""
    asset, given = world.graph.assets[name], world.given.get(name)
    if given is not None and given.sample.form is not Form.PROJECT:
        if name != world.test.model:  # its own rows stand there already
            _load(name, given.sample, world)
    elif _is_computed(asset, given, world):
        _compute(asset, world)
    elif world.test.empty_missing and given is None:
        _load(name, Sample(Form.DICT, world.test.at), world)
    else:
        world.missing[name] = reader


def _is_computed(asset: Asset, given: Given | None, world: World) -> bool:
    """Asked for by naming it without rows; a view or an ephemeral model is no more than its query."""
    if asset.name == world.test.model or isinstance(asset.body, SourceBody):
        return False
    is_query = asset.kind is Kind.SQL and asset.materialized in COMPUTED
    return given is not None or is_query


def _load(name: str, sample: Sample, world: World) -> None:
    """Rows that were written down, in the columns and types that the input has in the project."""
    asset = world.graph.assets[name]
    staged = stage(sample, name, world.connection, world.warehouse)
    known = world.skeleton.known(name, world.test.model)
    select = fitted(staged, known, f"'{name}'", world.connection)
    if _is_files(asset):
        _write_files(asset, select, world)
        return
    assert asset.relation is not None
    table = world.warehouse.quote(asset.relation)
    world.connection.execute(f"create or replace view {table} as {select}")


def _compute(asset: Asset, world: World) -> None:
    """As the project has it: a seed's own file, or a model over its own inputs."""
    relation = asset.relation
    if isinstance(asset.body, SeedBody) and relation is not None:
        table = world.warehouse.quote(relation)
        world.connection.execute(f"create or replace view {table} as\n{seed_query(asset.body)}")
        return
    scope = Scope(world.warehouse.quote(relation) if relation else "")
    _provide_inputs(asset, scope, world)
    if world.missing or relation is None:
        return  # an ephemeral one is inlined by its reader
    if isinstance(asset.body, PythonBody):
        world.connection.load(relation, call_asset(asset, WHOLE, world.place).value)
        return
    query = asset_query(asset, world.graph, world.warehouse, scope)
    table = world.warehouse.quote(relation)
    say(f"create or replace view {table} as\n", query, "", asset, world.connection)


def say(head: str, query: Query, tail: str, asset: Asset, connection: Connection) -> None:
    """Run a statement around the user's query. An EngineError has its place in the user's file."""
    text = head + query.text + tail
    statement = Statement(text, Purpose.WRITE, query=query, offset=len(head))
    try:
        connection.execute(text)
    except EngineError as error:
        raise EngineError(
            *(replace(p, at=_user_place(p.at, statement) or asset.at) for p in error.problems)
        ) from error


def _user_place(at: Location | None, statement: Statement) -> Location | None:
    if at is None or at.file:
        return at
    found = statement.place(at.line, at.column)
    return replace(found, length=at.length) if found else None


def _write_files(asset: Asset, select: str, world: World) -> None:
    """A file for each pattern that the source has, where the model will look for it."""
    assert isinstance(asset.body, SourceBody)
    for pattern in asset.body.files[:1]:
        relative = os.path.relpath(pattern, world.root)
        if "://" in pattern or relative.startswith(".."):
            message = (
                f"rows cannot be given for '{asset.name}', which are files outside the project"
            )
            hint = "read them in a model of its own, and give rows for that one"
            raise ProjectError(Problem("UTS008", message, world.test.at, hint))
        path = os.path.join(world.folder, re.sub(r"\[.*?\]|\*+|\?", "x", relative))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        ending = path.rpartition(".")[2].casefold()
        kind = {"parquet": "parquet", "json": "json", "ndjson": "json", "jsonl": "json"}
        options = f"format {kind.get(ending, 'csv')}" + ("" if ending in kind else ", header")
        world.connection.execute(f"copy ({select}) to {literal(path)} ({options})")


def _not_given(world: World) -> tuple[Problem, ...]:
    """UTS005 for every input without rows. What is read through a view may be given as that view."""
    return tuple(_no_rows(name, reader, world) for name, reader in sorted(world.missing.items()))


def _no_rows(name: str, reader: str, world: World) -> Problem:
    test = world.test
    is_own = name == test.model
    what = "its own table" if is_own else f"'{name}'"
    direct = name if reader == test.model else reader
    written = THIS if is_own else _written(world.graph.assets[direct])
    hint = f"add `- input: {written}` with its rows; `rows: []` or `missing: empty` for none"
    if test.at is None:
        given = THIS if is_own else direct
        hint = f"give rows for it: {{'{given}': [...]}}; [] or missing='empty' for none"
    message = f"'{reader}' reads {what}, for which no rows are given"
    return Problem("UTS005", message, test.model_at or test.at, hint)


def _written(asset: Asset) -> str:
    """The input as dbt's users write it."""
    if asset.kind is Kind.SOURCE and asset.name.count(".") == 1:
        source, _, table = asset.name.partition(".")
        return f"source('{source}', '{table}')"
    return asset.name if asset.kind is Kind.SOURCE else f"ref('{asset.name}')"
