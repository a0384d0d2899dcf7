"""What a relation has beside its rows: comments, rights and indexes; as wished for, and as it is found."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Protocol, runtime_checkable

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location

PUBLIC = "public"  # everybody, among grantees
KINDS = ("comments", "grants", "indexes")


@dataclass(frozen=True, slots=True)
class Grant:
    """One right of one role. Without a role: nobody has it."""

    privilege: str
    role: str | None
    at: Location | None = field(default=None, compare=False)
    key_at: Location | None = field(default=None, compare=False)  # of the privilege


@dataclass(frozen=True, slots=True)
class Index:
    """`type` and `where` as the engine says them; empty: its own usual one, and all rows."""

    columns: tuple[str, ...]
    unique: bool = False
    type: str = ""
    where: str = ""
    at: Location | None = field(default=None, compare=False)
    places: tuple[Location, ...] = field(default=(), compare=False)  # of its columns

    def place(self, column: str) -> Location | None:
        """Where that column is named."""
        return dict(zip(self.columns, self.places, strict=False)).get(column, self.at)

    def digest(self, relation: str) -> str:
        """Ten hexadecimal digits: an index of ours that was made otherwise has another name."""
        return digest_of(relation, self.columns, self.unique, self.type, self.where)


@dataclass(frozen=True, slots=True)
class Extras:
    """What an asset asks for. Only what it speaks of is looked after: None is not ours to change."""

    relation_docs: bool = False
    column_docs: bool = False
    grants: tuple[Grant, ...] | None = None
    indexes: tuple[Index, ...] | None = None

    def __bool__(self) -> bool:
        asked = self.relation_docs or self.column_docs
        return asked or self.grants is not None or self.indexes is not None

    def version(self, description: str, columns: Sequence[tuple[str, str]]) -> str:
        """Moves when anything of it does; a part for each of KINDS, empty where nothing is asked for."""
        if not self:
            return ""
        docs: list[object] = [description.strip()] if self.relation_docs else []
        docs += [list(map(list, columns))] if self.column_docs else []
        grants = sorted((g.privilege, g.role or "") for g in self.grants or ())
        made = [index.digest("") for index in self.indexes or ()]
        return ".".join(
            [
                _digest(docs) if docs else "",
                _digest(grants) if self.grants is not None else "",
                _digest(sorted(made)) if self.indexes is not None else "",
            ]
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What a relation has now. `grants`: privilege -> roles that have it and are not its owner.

    `roles` are all that there are; asked for only when rights are.
    """

    comment: str = ""
    columns: tuple[tuple[str, str], ...] = ()  # name, comment
    grants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    indexes: tuple[str, ...] = ()  # names
    owner: str = ""
    roles: frozenset[str] = frozenset()


@runtime_checkable
class KnowsRoles(Protocol):
    """An engine whose server tells which roles it has."""

    def roles(self) -> frozenset[str]: ...


def changed(old: str, new: str) -> str:
    """Which of KINDS two versions differ in, as a person is told.

    >>> changed("a1.b2.", "a1.c3.d4"), changed("", "a1..")
    ('grants, indexes', 'comments')
    """
    before, after = (f"{version}..".split(".") for version in (old, new))
    return ", ".join(
        kind for kind, was, now in zip(KINDS, before, after, strict=False) if was != now
    )


def digest_of(*said: object) -> str:
    """Ten hexadecimal digits: they end the name of what was made for a relation."""
    return hashlib.blake2b(json.dumps(said).encode(), digest_size=5).hexdigest()


def _digest(said: object) -> str:
    return hashlib.blake2b(json.dumps(said).encode(), digest_size=4).hexdigest()
