"""Target -> an open database of any dialect that SQLAlchemy speaks.

`GenericEngine` is what engines of third parties build on: see docs/other-engines.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.pool import NullPool

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Capabilities, Connection, RelationType
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.partitions import Partitioning
from sqlpipes.core.sql import Relation, identifier
from sqlpipes.core.windows import Windows
from sqlpipes.engines.generic.connection import GenericConnection
from sqlpipes.engines.generic.faults import driver_error, opening_error, setting_error
from sqlpipes.engines.generic.place import Place
from sqlpipes.engines.generic.probes import NEEDED, Answers, ask, capable, demand_needed, granted
from sqlpipes.engines.generic.speech import Speech, speech_of
from sqlpipes.engines.windows import Words, token_sql, windows_of


class GenericEngine:
    """An open database; see `core.engine.Engine`. Subclasses say what their database says otherwise."""

    connection: type[GenericConnection] = GenericConnection

    def __init__(
        self,
        target: Target,
        place: Place,
        *,
        read_only: bool = False,
        speech: Speech | None = None,
        root: str = ".",
    ) -> None:
        """Raises EngineError: ENG001 no such dialect or driver, ENG002 no way in, ENG009 a setting
        that is refused, ENG050 a database that lacks what every build says."""
        self.target, self.place, self.root = target, place, root
        self.speech = speech or speech_of(place.scheme)
        self.read_only = read_only
        self.schema = target.schema
        self.dialect = place.dialect
        self.catalog: str | None = None
        self.can: Capabilities = self.speech.can
        self._pool = self._made()
        self._first = self.connect()
        try:
            self.answers = self._asked()
            self.can = capable(self.speech.can, self.answers)
            if not read_only:
                demand_needed(self.answers, place.name)
        except BaseException:
            self._first.close()
            raise

    # ------------------------------------------------------------------------------- opening

    def _made(self) -> sa.Engine:
        place = self.place
        try:
            return sa.create_engine(
                self.address(),
                poolclass=NullPool,
                connect_args=self.arguments(),
                hide_parameters=True,
            )
        except (exc.NoSuchModuleError, ImportError) as error:
            raise driver_error(error, place, self.target) from None
        except (exc.ArgumentError, TypeError) as error:
            raise opening_error(error, place, self.target) from None

    def address(self) -> Any:
        """SQLAlchemy's URL of it."""
        return self.place.url

    def arguments(self) -> dict[str, Any]:
        """What the driver is given beside the address."""
        return dict(self.place.arguments)

    def link(self) -> sa.Connection:
        """A connection of SQLAlchemy's, set up. Raises EngineError ENG002, ENG006 when another program
        holds it, ENG060 to ENG062 when nobody is reached, and ENG009."""
        try:
            link = self._pool.connect()
        except exc.SQLAlchemyError as error:
            raise opening_error(error, self.place, self.target) from None
        except ImportError as error:
            raise driver_error(error, self.place, self.target) from None
        except Exception as error:  # not every driver raises what DBAPI asks of it
            raise opening_error(error, self.place, self.target) from None
        told = opening_error
        try:
            self.set_up(link)
            told = setting_error  # what is said from here on is the user's own
            for statement in self.place.settings:
                link.exec_driver_sql(statement)
            link.commit()
        except exc.SQLAlchemyError as error:
            link.close()
            raise told(error, self.place, self.target) from None
        except BaseException:
            link.close()
            raise
        return link

    def set_up(self, link: sa.Connection) -> None:
        """What each connection says first."""
        for statement in self.speech.session:
            link.exec_driver_sql(statement)
        link.commit()
        if self.speech.use:
            try:
                link.exec_driver_sql(self.speech.use.format(self.spell(self.schema)))
            except (
                exc.DBAPIError
            ):  # it is made by the first build, and connections after that use it
                link.rollback()
        else:
            self.demand_schema(link)

    def demand_schema(self, link: sa.Connection) -> None:
        """EngineError ENG053 where names without a schema would be looked up in another one than ours."""
        own = getattr(link.dialect, "default_schema_name", None)
        if own and str(own).casefold() != self.schema.casefold():
            message = f"the target's schema is '{self.schema}', and that of the connection '{own}'"
            hint = f"write `schema: {own}`, or name the other one in the url"
            raise EngineError(Problem("ENG053", message, self.target.at("schema"), hint))

    def connect(self) -> GenericConnection:
        return self.connection(self, self.link())

    def _asked(self) -> Answers:
        """What the database can do; remembered where it has been asked before."""
        from sqlpipes.engines.generic.remembered import recall, remember

        said = dict(self.place.capabilities)
        if not self.place.probes:
            found = granted(self.speech.can)
            return replace(found, found={**found.found, **said})
        link = self._first.link
        version = server_version(link)
        known = recall(self.root, self.place, version)
        if known is None and self.read_only:
            known = granted(self.speech.can)
        if known is None:
            if self.speech.use:  # what is tried is tried where the build will write
                self.create_schemas([self.schema])
                self.set_up(link)
                link.commit()
            with self._first.said("-- what the database can do"):
                known = ask(link, self.speech.begin, {})
            if all(known.found[what] for what in NEEDED):  # else it may be a right that is missing
                remember(self.root, self.place, replace(known, version=version))
        return replace(known, found={**known.found, **said}, version=version)

    def facts(self) -> tuple[str, ...]:
        """What `sqlpipes debug` tells of it."""
        return self.answers.lines()

    # ------------------------------------------------------------------------------- contents

    def relations(self) -> Mapping[Relation, RelationType]:
        found: dict[Relation, RelationType] = {}
        with self._first.said("-- which tables and views there are"):
            look = sa.inspect(self._first.link)
            for schema in self.schemas(look):
                tables, views = look.get_table_names(schema), look.get_view_names(schema)
                found |= {Relation(name, schema): RelationType.TABLE for name in tables}
                found |= {Relation(name, schema): RelationType.VIEW for name in views}
            self._first.link.rollback()
        return found

    def schemas(self, look: sa.Inspector) -> Sequence[str]:
        """Those whose relations may be read."""
        hidden = ("information_schema", "pg_catalog", "sys", "mysql", "performance_schema")
        return [name for name in look.get_schema_names() if name.lower() not in hidden]

    def all_columns(self) -> Mapping[Relation, tuple[tuple[str, str], ...]]:
        found: dict[Relation, tuple[tuple[str, str], ...]] = {}
        with self._first.said("-- which columns there are"):
            look = sa.inspect(self._first.link)
            for schema in self.schemas(look):
                columns = look.get_multi_columns(
                    schema=schema, kind=sa.engine.reflection.ObjectKind.ANY
                )
                for (_, name), each in columns.items():
                    told = ((str(c["name"]), self._first.type_name(c["type"])) for c in each)
                    found[Relation(name, schema)] = tuple(told)
            self._first.link.rollback()
        return found

    def create_schemas(self, schemas: Sequence[str], catalog: str | None = None) -> None:
        if catalog not in (None, self.catalog):
            message = f"{self.place.scheme} writes to one database, and not to '{catalog}'"
            raise EngineError(Problem("ENG004", message))
        look = sa.inspect(self._first.link)
        there = {name.casefold() for name in look.get_schema_names()}
        self._first.link.rollback()
        for schema in sorted(schemas):
            if schema.casefold() not in there:
                self._first.execute(self.speech.schema.format(self.spell(schema)))

    # --------------------------------------------------------------------------------- words

    def spell(self, name: str) -> str:
        """A name in a statement; a plain one in small letters is what a query means without quotes."""
        plain = self.speech.upper and name.isidentifier() and name.islower()
        return identifier(name.upper() if plain else name, self.can.mark)

    def quote(self, relation: Relation) -> str:
        parts = [part for part in (relation.catalog, relation.schema, relation.name) if part]
        return ".".join(self.spell(part) for part in parts)

    def temporary(self, name: str) -> Relation:
        """Without a schema: the own temporary tables of a connection are found first."""
        return Relation(name, "")

    def made(self, table: str) -> str:
        """What stands before the SELECT of a temporary table."""
        return f"create {self.can.temporary} table {table} as\n"

    def dropped(self, table: str, *, temporary: bool = True) -> str:
        return f"drop table if exists {table}"

    def token_sql(self, relation: Relation, changes: str) -> str:
        """`changes`: count, hash (row count and the sum of all row hashes), or an aggregate."""
        words = self.words
        if changes == "hash":
            with closing(self.connect()) as connection:
                words = self._hashing(connection.columns(relation) or ())
        return token_sql(self.quote(relation), changes, words)

    def windows(
        self,
        connection: Connection,
        relation: Relation,
        changes: str,
        cut: Partitioning,
        where: str = "",
    ) -> Windows:
        columns = connection.columns(relation) or ()
        rows = self.quote(relation)
        if where:
            rows = f"(select * from {rows} where {where})"
        words = self._hashing(columns) if changes == "hash" else self.words
        if not words.epoch_us:
            message = f"how {self.place.scheme} counts seconds is not known, so it has no windows"
            raise EngineError(
                Problem("ENG052", message, hint="leave out the source's `partition:`")
            )
        return windows_of(connection, rows, self.typed(columns), changes, cut, words)

    @property
    def words(self) -> Words:
        return replace(self.speech.words, identifier=self.spell)

    def typed(self, columns: Sequence[tuple[str, str]]) -> Sequence[tuple[str, str]]:
        """Types as `words` calls them."""
        return [(name, kind.lower()) for name, kind in columns]

    def _hashing(self, columns: Sequence[tuple[str, str]]) -> Words:
        """The words that hash a row of these columns. Raises EngineError ENG051 where none do."""
        speech = self.speech
        if not speech.hashed:
            message = f"{self.place.scheme} has no function known here that hashes a row"
            hint = "declare changes: count, or an aggregate such as max(updated_at)"
            raise EngineError(Problem("ENG051", message, hint=hint))
        cells = (speech.cell.format(self.spell(name)) for name, _ in columns)
        row = speech.hashed.format(speech.glue.join(cells))
        return replace(self.words, row_hash=row.replace("{", "{{").replace("}", "}}"))

    def close(self) -> None:
        self._first.close()
        self._pool.dispose()


def server_version(link: sa.Connection) -> str:
    found = getattr(link.dialect, "server_version_info", None)
    return ".".join(map(str, found)) if found else ""


Opener = Callable[..., GenericEngine]
