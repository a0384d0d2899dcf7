"""Assets and checks as they were read -> the graph, every reference resolved, and what is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sqlpipes.core.asset import (
    Asset,
    Check,
    Dependency,
    Materialized,
    SourceBody,
    SqlBody,
)
from sqlpipes.core.errors import Location, Problem, Severity, did_you_mean
from sqlpipes.core.graph.databases import (
    NO_DATABASES,
    NO_HOMES,
    Databases,
    Homes,
    Name,
    databases_beside,
    default_schema_in,
    folded,
    implicit,
    in_database,
    is_own,
    settled,
    unclear,
)
from sqlpipes.core.graph.duplicates import without_duplicates
from sqlpipes.core.graph.engines import engine_problems, two_homes
from sqlpipes.core.graph.linked import Graph, Input
from sqlpipes.core.graph.naming import name_index, qualified_names
from sqlpipes.core.graph.ordering import circles, ordered
from sqlpipes.core.graph.written import same_files
from sqlpipes.core.reads import EVERYTHING, Reads
from sqlpipes.core.sql.quoting import identifier
from sqlpipes.core.sql.relation import Reference, Relation, fold

SYSTEM_NAMES = frozenset({"information_schema", "pg_catalog", "sqlite_master"})


def link(
    assets: Sequence[Asset],
    checks: Sequence[Check] = (),
    *,
    dialect: str = "duckdb",
    default_schema: str = "main",
    default_catalog: str | None = None,
    strict: bool = False,
    homes: Homes = NO_HOMES,
    databases: Databases = NO_DATABASES,
) -> tuple[Graph, tuple[Problem, ...]]:
    """Resolve every reference. The graph holds whatever is sound, the problems say what is not.

    A table that nothing declares becomes an implicit source, with a warning (an error when
    `strict`). Assets on a cycle are in the graph's assets but have no place in its order.
    `homes`: of further engines, the schema and the database that unqualified names live in.
    `databases`: those that SQL may name, so that `other.t` may be a table of the database `other`: one
    of another database than the own needs no declaration.
    """
    databases = folded(databases, dialect)
    beside = databases_beside(dialect, default_catalog, homes, databases)
    placed, both = settled(assets, dialect, default_catalog, homes, databases)
    unique, problems = without_duplicates(placed, dialect)
    problems += same_files(unique.values())
    linker = _Linker(
        unique, dialect, default_schema, default_catalog, strict, homes, databases, beside, both
    )
    inputs = {asset.name: linker.inputs_of(asset) for asset in unique.values()}
    reads = [(check, linker.read_by(check)) for check in checks]
    inputs |= dict.fromkeys(linker.implicit, ())
    order, stuck = ordered(inputs)
    bound = _bound(reads, order)
    graph = Graph(
        assets={**unique, **linker.implicit},
        inputs=inputs,
        order=order,
        checks={check.name: check for _, check in bound},
        guards=_grouped(bound),
        reads_self=frozenset(linker.reads_self),
        index=linker.index,
        dialect=dialect,
    )
    apart = engine_problems(graph) if homes else ()
    return graph, (*problems, *linker.problems, *circles(stuck, inputs), *apart)


class _Linker:
    """The work of `link`: names in, edges out. It lives for one call."""

    def __init__(
        self,
        assets: Mapping[str, Asset],
        dialect: str,
        default_schema: str,
        default_catalog: str | None,
        strict: bool,
        homes: Homes,
        databases: Databases,
        beside: frozenset[tuple[str, str]],
        both: frozenset[tuple[str, str]],
    ) -> None:
        self.assets = assets
        self.homes = homes
        self.databases = databases
        self.beside = beside  # (engine, name) of databases that are attached
        self.both = both  # (engine, name) of schemas that are databases as well
        self.dialect = dialect
        self.default_schema = default_schema
        self.default_catalog = default_catalog
        self.strict = strict
        self.index = name_index(
            assets.values(), dialect, default_schema, default_catalog, homes, databases
        )
        self.implicit: dict[str, Asset] = {}
        self.reads_self: set[str] = set()
        self.problems: list[Problem] = []

    def inputs_of(self, asset: Asset) -> tuple[Input, ...]:
        found: dict[str, Location] = {}
        unseen: set[str] = set()
        strict = self.strict or asset.settings.get("strict") is True
        for name, at, seen in self._named_by(asset, strict):
            if name == asset.name:
                self._self_read(asset, at)
                continue
            found.setdefault(name, at)
            if not seen:
                unseen.add(name)
        mapped = self._mappings(asset, found) if asset.mappings else {}
        return tuple(
            [
                Input(name, at, mapped.get(name, EVERYTHING), unseen=name in unseen)
                for name, at in found.items()
            ]
        )

    def read_by(self, check: Check) -> tuple[str, ...]:
        """The assets that a check reads, its own first; none when one of them does not exist."""
        at = check.at or Location("?")
        wanted = [name for name in (check.asset, *check.inputs, check.arguments.get("to")) if name]
        found: dict[str, None] = {}
        for text in wanted:
            name = self._asset_named(str(text), at)
            if name is None:
                return ()
            found[name] = None
        for table in check.tables:
            named = self._lookup(table.name)
            where = table.at or at
            found[named or self._resolve(_spelt(table, where), where.file, self.strict)] = None
        references = check.body.references if check.body else ()
        for reference in (*references, *(self._tables(check.body) if check.body else ())):
            found[self._resolve(reference, at.file, self.strict)] = None
        own = self.assets.get(next(iter(found), ""))
        for reference in (r for said in check.conditions.values() for r in said.references):
            engine = own.engine if own else None
            found[self._resolve(reference, at.file, self.strict, engine)] = None
        if not found:
            hint = "name the asset that it guards: `asset: orders`"
            message = f"check '{check.name}' reads no asset"
            self.problems.append(Problem("CHK002", message, check.at, hint))
        return tuple(found)

    def _named_by(self, asset: Asset, strict: bool) -> Iterator[tuple[str, Location, bool]]:
        """(asset, where it is named, whether the query shows all that is read of it)."""
        if isinstance(asset.body, SqlBody):
            for reference in asset.body.references:
                name = self._resolve(reference, asset.path, strict, asset.engine)
                yield name, _place(asset.path, reference), True
                for maker in self._makers_of(name):
                    yield maker, _place(asset.path, reference), False
            for reference in self._tables(asset.body):
                yield (
                    self.index[reference.folded(self.dialect)],
                    _place(asset.path, reference),
                    True,
                )
        for needed in asset.depends_on:
            at = needed.at or asset.at
            if needed.declared:
                named = self._asset_named(needed.name, at)
            else:
                spelt = _spelt(needed, at)
                named = self._lookup(needed.name) or self._resolve(
                    spelt, at.file, strict, asset.engine
                )
            if named is not None:
                yield named, at, not needed.for_rows
                for maker in self._makers_of(named):
                    yield maker, at, False

    def _makers_of(self, name: str) -> tuple[str, ...]:
        """Of a source that is files: the assets that write any of them."""
        found = self.assets.get(name)
        return found.body.made_by if found and isinstance(found.body, SourceBody) else ()

    def _tables(self, body: SqlBody) -> list[Reference]:
        """Names that look like those of files, and are assets'."""
        if not body.files:
            return []
        named = [file.table for file in body.files if file.table is not None]
        return [table for table in named if self.index.get(table.folded(self.dialect))]

    def _asset_named(self, text: str, at: Location) -> str | None:
        name = self._lookup(text)
        if name is None:
            near = did_you_mean(text, self.assets)
            self.problems.append(Problem("REF003", f"there is no asset '{text}'", at, near))
        return name

    def _lookup(self, text: str) -> str | None:
        if text in self.assets:  # a source's name has dots of its own
            return text
        return self.index.get(tuple(fold(part, True, self.dialect) for part in text.split(".")))

    def _resolve(
        self, reference: Reference, file: str, strict: bool, engine: str | None = None
    ) -> str:
        """`engine`: where the table is if nothing declares it; None: wherever others have found it."""
        key = reference.folded(self.dialect)
        name = self.index.get(key)
        if self.both:
            self._demand_clear(reference, key, name, file, engine or "")
        if name is None:
            name = self._add_implicit(reference, key, file, strict, engine or "")
        elif name in self.implicit and engine not in (None, self.implicit[name].engine):
            self.problems.append(two_homes(name, _place(file, reference)))
        elif strict and name in self.implicit:
            self._undeclared(name, _place(file, reference), strict)
        return name

    def _add_implicit(
        self, reference: Reference, key: Name, file: str, strict: bool, engine: str
    ) -> str:
        name = ".".join(reference.parts)
        at = _place(file, reference)
        spelt = tuple(fold(part, True, self.dialect) for part in reference.parts)
        meant = self.index.get(spelt)
        if meant is not None and meant in self.assets:  # it looks like that, and is another name
            self.problems.append(_folded(meant, reference, key, at))
            return meant
        system = not SYSTEM_NAMES.isdisjoint(part.casefold() for part in reference.parts)
        schema, catalog = self.homes.get(engine, (self.default_schema, self.default_catalog))
        relation = self._relation(reference.parts, key, engine)
        asset = replace(implicit(name, relation, at, system), engine=engine)
        self.implicit[name] = asset
        self.index[key] = name
        for other in qualified_names(asset, self.dialect, catalog):
            self.index.setdefault(other, name)
        for other in in_database(asset, self.dialect, catalog, self.databases):
            self.index.setdefault(other, name)
        if relation.schema == schema and is_own(relation, self.dialect, catalog):
            self.index.setdefault(key[-1:], name)
        elsewhere = (engine, key[0]) in self.beside and len(key) > 1
        if not system and (strict or not elsewhere):
            self._undeclared(name, at, strict)
        return name

    def _relation(self, parts: tuple[str, ...], key: Name, engine: str) -> Relation:
        """Where a table is that nobody declared. `other.t` is in the attached database `other`; in the
        own one, its schema of that name comes first."""
        default, own = self.homes.get(engine, (self.default_schema, self.default_catalog))
        if len(parts) == 2 and (engine, key[0]) not in self.both:
            schema = default_schema_in(self.databases, engine, parts[0], self.dialect)
            if schema is not None and not is_own(Relation("", "", parts[0]), self.dialect, own):
                return Relation(parts[1], schema, parts[0])
        catalog = parts[0] if len(parts) == 3 else None
        return Relation(parts[-1], parts[-2] if len(parts) > 1 else default, catalog)

    def _demand_clear(
        self, reference: Reference, key: Name, name: str | None, file: str, engine: str
    ) -> None:
        """REF007 for `other.t` where `other` is a schema and a database; a source of that name is clear."""
        if len(key) != 2 or (engine, key[0]) not in self.both:
            return
        found = self.assets[name].relation if name and name in self.assets else None
        folded = found.folded(self.dialect) if found else (key[0],)
        if key[0] in folded[:2]:
            _, own = self.homes.get(engine, (self.default_schema, self.default_catalog))
            schema = default_schema_in(self.databases, engine, key[0], self.dialect)
            spelt = _place(file, reference)
            self.problems.append(unclear(reference, own, schema, spelt))

    def _undeclared(self, name: str, at: Location, strict: bool) -> None:
        near = did_you_mean(name, self.assets)
        if strict:
            problem = Problem("REF002", f"table '{name}' does not exist", at, near)
        else:
            message = (
                f"table '{name}' is neither an asset nor a declared source: taken to be external"
            )
            hint = near or "declare it under `sources:` in a YAML file to document it"
            problem = Problem("REF001", message, at, hint, Severity.WARNING)
        self.problems.append(problem)

    def _self_read(self, asset: Asset, at: Location) -> None:
        known = asset.name in self.reads_self
        self.reads_self.add(asset.name)
        if not known and asset.partition is not None and asset.partition.newest_first:
            message = (
                f"the slices of '{asset.name}' read those before them: they cannot go newest first"
            )
            hint = "leave `order: newest` out of its partition"
            self.problems.append(Problem("PAR007", message, at, hint))
        if known or asset.materialized is Materialized.INCREMENTAL or asset.partition is not None:
            return
        message = f"'{asset.name}' reads itself, which only an incremental asset can"
        hint = "give it `materialized: incremental` and a `unique_key`, or a `partition:`"
        self.problems.append(Problem("CYC001", message, at, hint))

    def _mappings(self, asset: Asset, found: Mapping[str, Location]) -> dict[str, Reads]:
        """`inputs:` by the names of the assets that are meant."""
        mapped: dict[str, Reads] = {}
        for text, mapping in asset.mappings.items():
            name = self._lookup(text) or text
            mapped[name] = mapping
            if name not in found and name != asset.name:
                message = f"'{asset.name}' does not read '{text}', which is named under `inputs:`"
                hint = did_you_mean(text, found)
                self.problems.append(Problem("REF004", message, mapping.at or asset.at, hint))
        return mapped


def _folded(asset: str, reference: Reference, key: Name, at: Location) -> Problem:
    """A name without quotes that only looks like an asset's."""
    quoted = ".".join(identifier(part) for part in reference.parts)
    message = f"{reference} without quotes is the table '{'.'.join(key)}', and not '{asset}'"
    hint = f"write {quoted} in double quotes, or name the file of '{asset}' '{key[-1]}'"
    return Problem("REF005", message, at, hint)


def _bound(
    reads: Iterable[tuple[Check, tuple[str, ...]]], order: Sequence[str]
) -> list[tuple[str, Check]]:
    """(the asset whose step runs it, check): the last to be built of all that it reads."""
    place = {name: i for i, name in enumerate(order)}
    bound: list[tuple[str, Check]] = []
    for check, read in reads:
        if not read or not all(name in place for name in read):
            continue  # on a cycle or left out: that has its own problem
        guard = max(read, key=place.__getitem__)
        own = read[0] if check.asset else guard
        others = tuple(name for name in read if name != own)
        is_so = check.asset == own and check.inputs == others
        bound.append((guard, check if is_so else replace(check, asset=own, inputs=others)))
    return bound


def _grouped(bound: Iterable[tuple[str, Check]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for guard, check in bound:
        found.setdefault(guard, []).append(check.name)
    return {guard: tuple(names) for guard, names in found.items()}


def _spelt(needed: Dependency, at: Location) -> Reference:
    """A table that a function's SQL names, as the reference that it is there."""
    parts = tuple(needed.name.split("."))
    return Reference(parts, (True,) * len(parts), 0, at.length, at.line, at.column)


def _place(file: str, reference: Reference) -> Location:
    return Location(file, reference.line, reference.column, reference.end - reference.start)
