"""What an asset's relation should have beside its rows, and what it has -> the statements in between.

Comments, rights and indexes are written in the transaction that publishes the rows, or in one of their own
when only they have changed. What the asset does not speak of is left as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from sqlpipes.core.asset import Asset, Materialized
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Capabilities, RelationType
from sqlpipes.core.errors import EngineError, Location, Problem, did_you_mean
from sqlpipes.core.extras import PUBLIC, Grant, Index, Seen
from sqlpipes.core.sql import Relation, identifier, literal
from sqlpipes.run.statement import Purpose, Statement
from sqlpipes.run.warehouse import Warehouse

OURS = re.compile(r"_sp[0-9a-f]{10}$")  # ends the name of an index that was made for an asset
LONGEST = 120  # bytes of an index's name where the engine keeps any number


@dataclass(frozen=True, slots=True)
class Worn:
    """One relation with its asset's wishes."""

    asset: Asset
    relation: Relation
    warehouse: Warehouse

    @property
    def table(self) -> str:
        return self.warehouse.quote(self.relation)

    @property
    def kind(self) -> RelationType:
        is_view = self.asset.materialized is Materialized.VIEW
        return RelationType.VIEW if is_view else RelationType.TABLE


def extras(asset: Asset, warehouse: Warehouse) -> tuple[Statement, ...]:
    """One statement that stands for all of them until its turn has come; none where nothing can be said.

    Raises EngineError ENG041 for an index that the engine, or a view, cannot have.
    """
    can, relation = warehouse.can, asset.relation
    if relation is None or not (can.comments or can.grants or can.indexes):
        refuse_indexes(asset, warehouse)
        return ()
    refuse_indexes(asset, warehouse)
    worn = Worn(asset, relation, warehouse)
    listed = [statement.sql for statement in difference(worn, _nothing(asset))]
    head = "-- comments, rights and indexes, where they are not so already\n"
    text = head + ";\n".join(listed)
    return (Statement(text, Purpose.PREPARE, extras=asset),)


def _nothing(asset: Asset) -> Seen:
    """A relation that has nothing yet, on a server that knows every role. Of its columns only those are
    known that have a description."""
    columns = tuple((column.name, "") for column in asset.columns)
    roles = frozenset(grant.role for grant in asset.extras.grants or () if grant.role)
    return Seen(columns=columns, roles=roles)


def difference(worn: Worn, seen: Seen) -> tuple[Statement, ...]:
    """Raises EngineError ENG040 for roles that there are not, all of them at once."""
    can = worn.warehouse.can
    found: list[Statement] = []
    if can.comments:
        found += _comments(worn, seen)
    if can.grants:
        found += _rights(worn, seen)
    if can.indexes:
        found += _indexes(worn, seen)
    return tuple(found)


# -------------------------------------------------------------------------------------- comments


def _comments(worn: Worn, seen: Seen) -> Iterator[Statement]:
    """A description that is gone takes its comment with it. Columns that there are not have none."""
    asked, wanted = worn.asset.extras, worn.asset.description.strip()
    if asked.relation_docs and wanted != seen.comment:
        yield _said(f"comment on {worn.kind} {worn.table} is {_text(wanted)}")
    if not asked.column_docs:
        return
    docs = {column.name: column.description.strip() for column in worn.asset.columns}
    loose = {name.casefold(): text for name, text in docs.items()}
    for name, comment in seen.columns:
        wanted = docs.get(name, loose.get(name.casefold(), ""))
        if wanted != comment:
            yield _said(f"comment on column {worn.table}.{identifier(name)} is {_text(wanted)}")


def _text(said: str) -> str:
    return literal(said.replace("\0", "")) if said else "null"


def _said(sql: str, at: Location | None = None) -> Statement:
    return Statement(sql, Purpose.PREPARE, at=at)


# ---------------------------------------------------------------------------------------- rights


def _rights(worn: Worn, seen: Seen) -> Iterator[Statement]:
    """Of a privilege that the asset speaks of, it says who has it: others lose it, with all that they
    passed on."""
    grants = _known(worn.asset, seen)
    on = f"on {worn.table}"
    for privilege in dict.fromkeys(grant.privilege for grant in grants):
        wanted = {g.role: g.at for g in grants if g.privilege == privilege and g.role}
        there = seen.grants.get(privilege, frozenset())
        for role in sorted(there - wanted.keys() - {seen.owner}):
            yield _said(f"revoke {privilege} {on} from {_role(role)}")
        for role, at in wanted.items():
            if role not in there and role != seen.owner:
                yield _said(f"grant {privilege} {on} to {_role(role)}", at)


def _known(asset: Asset, seen: Seen) -> tuple[Grant, ...]:
    """The wished-for rights with the roles as the server spells them."""
    if problems := unknown_roles(asset, seen.roles):
        raise EngineError(*problems)
    by_fold = {role.casefold(): role for role in seen.roles}
    found = []
    for grant in asset.extras.grants or ():
        known = grant.role is None or grant.role.casefold() == PUBLIC or grant.role in seen.roles
        found.append(grant if known else replace(grant, role=by_fold[str(grant.role).casefold()]))
    return tuple(found)


def unknown_roles(asset: Asset, roles: frozenset[str]) -> list[Problem]:
    """ENG040 for each role of the asset's rights that is none of these, in whatever case."""
    known = {PUBLIC, *(role.casefold() for role in roles)}
    problems = []
    for grant in asset.extras.grants or ():
        role = grant.role
        if role is not None and role.casefold() not in known:
            message = (
                f"'{asset.name}' grants {grant.privilege} to '{role}', and there is no such role"
            )
            hint = did_you_mean(role, roles) or "create it first: roles are the server's"
            problems.append(Problem("ENG040", message, grant.at or asset.at, hint))
    return problems


def _role(name: str) -> str:
    return "public" if name.casefold() == PUBLIC else identifier(name)


# --------------------------------------------------------------------------------------- indexes


def _indexes(worn: Worn, seen: Seen) -> Iterator[Statement]:
    wanted = {index_name(index, worn.relation, worn.warehouse): index for index in _all(worn)}
    schema = worn.relation
    for name in seen.indexes:
        if OURS.search(name) and name not in wanted:
            place = worn.warehouse.quote(replace(schema, name=name))
            yield _said(f"drop index {place}")
    for name, index in wanted.items():
        if name not in seen.indexes:
            yield _said(_index_sql(name, index, worn), index.at)


def demand_columns(worn: Worn, seen: Seen) -> None:
    """Raises EngineError ENG041 for indexes on columns that the relation has not, all of them at once."""
    if worn.warehouse.can.indexes and (problems := [*_no_columns(worn.asset, seen)]):
        raise EngineError(*problems)


def _no_columns(asset: Asset, seen: Seen) -> Iterator[Problem]:
    """Whether cases must match is the engine's matter."""
    there = [name for name, _ in seen.columns]
    known = {name.casefold() for name in there}
    for index in asset.extras.indexes or ():
        for column in index.columns:
            if column.casefold() not in known:
                message = f"an index of '{asset.name}' names '{column}', which it does not have"
                hint = did_you_mean(column, there) or f"it has {', '.join(there)}"
                yield Problem("ENG041", message, index.place(column) or asset.at, hint)


def _all(worn: Worn) -> tuple[Index, ...]:
    return worn.asset.extras.indexes or ()


def index_name(index: Index, relation: Relation, warehouse: Warehouse) -> str:
    """The same for the same index of the same table, and no other: it ends with a digest of both."""
    tail = f"_sp{index.digest(str(relation))}"
    longest = (warehouse.can.longest_name or LONGEST) - len(tail)
    head = "_".join([relation.name, *index.columns]).encode()[:longest]
    return head.decode(errors="ignore") + tail


def _index_sql(name: str, index: Index, worn: Worn) -> str:
    unique = "unique " if index.unique else ""
    using = f" using {index.type}" if index.type else ""
    columns = ", ".join(map(identifier, index.columns))
    where = f" where (\n{index.where}\n)" if index.where else ""
    return f"create {unique}index {identifier(name)} on {worn.table}{using} ({columns}){where}"


def refuse_indexes(asset: Asset, warehouse: Warehouse) -> None:
    """EngineError ENG041 for each index that cannot be."""
    if problems := [*impossible_indexes(asset, warehouse.can, warehouse.dialect)]:
        raise EngineError(*problems)


def impossible_indexes(asset: Asset, can: Capabilities, dialect: str) -> Iterator[Problem]:
    for index in asset.extras.indexes or ():
        at = index.at or asset.at
        if not can.indexes:
            message = f"sqlpipes makes no indexes on {dialect}"
            yield Problem("ENG041", message, at, "take them off the asset, or make them yourself")
        elif asset.materialized is Materialized.VIEW:
            hint = "write `materialized: table`, or take the indexes away"
            yield Problem("ENG041", f"'{asset.name}' is a view, which has no indexes", at, hint)
        elif index.type and index.type not in can.indexes:
            known = ", ".join(sorted(can.indexes))
            message = f"{dialect} has no index of type '{index.type}'"
            yield Problem("ENG041", message, at, did_you_mean(index.type, can.indexes) or known)
        elif index.where and not can.partial_indexes:
            yield Problem("ENG041", f"{dialect} has no index on a part of the rows", at)
