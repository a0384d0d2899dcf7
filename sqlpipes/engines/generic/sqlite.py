"""SQLite: a file for each schema, one writer at a time, and types that are advice.

Python's driver begins no transaction before DDL, so they are begun in words; the driver is in autocommit.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, unquote

import sqlalchemy as sa
from sqlalchemy.pool import NullPool

from sqlpipes.core.config import Target
from sqlpipes.core.crossing import refused_value
from sqlpipes.core.engine import Capabilities, RelationType, Standing
from sqlpipes.core.errors import EngineError, Problem, did_you_mean
from sqlpipes.core.sql import Relation, identifier, literal
from sqlpipes.engines.generic.connection import GenericConnection
from sqlpipes.engines.generic.engine import GenericEngine
from sqlpipes.engines.generic.place import Place
from sqlpipes.engines.generic.probes import Answers, ask
from sqlpipes.engines.generic.speech import Speech
from sqlpipes.engines.windows import Words

TEMPORARY = "temp"
LEAVING = "sqlpipes_leaving"
UNSAID = ("", "num")  # types that say nothing of their values
CONFLICT = "ENG006"
BUSY_S = 5.0

NAME = r'(?:"(?:[^"]|"")+"|\w+)'
MADE = re.compile(rf"(?:--[^\n]*\n)*create table ({NAME}(?:\.{NAME})?) as\s")

QUOTED = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/""", re.DOTALL
)

CAN = Capabilities(
    transactional_ddl=True,
    renames=True,
    replaces_views=False,
    reads_views=False,
    parallel=False,
    is_instant="false",
    matches="({} regexp {})",
    text="text",
    date="'{}'",
    timestamp="'{}'",
    instant="'{}'",
    times=("",),  # a time is a text, and a text may be one
    earlier="replace(datetime({}, '-{} seconds'), ' 00:00:00', '')",
    typed=False,
    converted="{}",
    retyped="",
)
ANY = ("", "text", "num", "int", "real", "date", "datetime", "timestamp")
WORDS = Words(
    zoned="timestamp with time zone",
    times=ANY,
    sizes=("int",),
    numbers=("", "num", "int", "real"),
    texts=ANY,
    wide="integer",
    row_hash="",
    epoch_us="(cast(strftime('%s', {}) as integer) * 1000000)",
    at_us="datetime(({}) / 1000000, 'unixepoch')",
    year="cast(strftime('%Y', {}) as integer)",
    month="cast(strftime('%m', {}) as integer)",
    divided="/",
    identifier=identifier,
    date="'{}'",
    shown="substr({}, 1, 19)",  # the driver of dates rounds up what is beyond a millisecond
    whole="cast({} as integer)",
    text="cast({} as text)",
    floor="cast(({0}) as integer) - (({0}) < cast(({0}) as integer))",
    greatest="max({}, {})",
    least="min({}, {})",
    joined="{} || ':' || {}",
    summed="coalesce(sqlpipes_sum({}), '')",
)
SPEECH = Speech(
    CAN,
    WORDS,
    hashed="sqlpipes_hash({})",
    cell="quote({})",
    glue=" || ',' || ",
    begin="begin immediate",
)
AFFINITIES = MappingProxyType({"INT": 1, "REAL": 1, "NUM": 1, "TEXT": 2, "": 3})


class SqliteConnection(GenericConnection):
    """Types are those that a table made of the query would have: INT, TEXT, NUM, REAL or none."""

    def text(self, sql: str) -> str:
        """In double quotes, SQLite takes a name that is no column's for a text: a misspelt column of a
        check would be no null. In backticks a name is a name."""
        return QUOTED.sub(_marked, sql)

    def execute(self, sql: str) -> int | None:
        """The rows of a table that is made of a query are counted: SQLite does not say."""
        counted = super().execute(sql)
        made = MADE.match(sql) if counted is None else None
        return int(self.fetch(f"select count(*) from {made[1]}").rows[0][0]) if made else counted

    def columns(self, relation: Relation) -> tuple[tuple[str, str], ...] | None:
        schema = identifier(relation.schema or "main")
        rows = self.fetch(f"pragma {schema}.table_xinfo({identifier(relation.name)})").rows
        return tuple((str(row[1]), str(row[2])) for row in rows if row[6] != 1) or None

    def leaving(self, sql: str) -> Sequence[tuple[str, str]]:
        """A view says the declared types of what it reads; of other columns the values say theirs."""
        where = f"temp.{identifier(LEAVING)}"
        self.execute(f"drop view if exists {where}")
        self.execute(f"create temp view {LEAVING} as\n{sql}")
        try:
            rows = self.fetch(f"pragma temp.table_xinfo({LEAVING})").rows
            columns = [(str(row[1]), str(row[2])) for row in rows]
            return [
                (n, self._kind(where, n) if kind.lower() in UNSAID else kind) for n, kind in columns
            ]
        finally:
            self.execute(f"drop view if exists {where}")

    def _kind(self, where: str, name: str) -> str:
        """The type that all values of a column have; XNG011 where they have several."""
        own = identifier(name)
        sql = f"select distinct typeof({own}) from {where} where {own} is not null"
        kinds = frozenset(str(row[0]) for row in self.fetch(sql).rows)
        if kinds <= {"integer"} and kinds:
            return "bigint"
        if kinds <= {"integer", "real"} and kinds:
            return "double"
        if len(kinds) > 1:
            what = f"values of several types: {', '.join(sorted(kinds))}"
            raise refused_value(name, "no declared type", what, f"say one: cast({name} as text)")
        return "blob" if "blob" in kinds else "text"

    def meeting(self, there: str, here: str) -> tuple[tuple[str, str], ...]:
        """A column takes any value, but one of numbers makes a number of a text that looks like one."""
        stored = {name.casefold(): (name, kind) for name, kind in self.describe(there)}
        found = []
        for name, kind in self.describe(here):
            if name.casefold() in stored:
                own, old = stored[name.casefold()]
                loses = AFFINITIES.get(old, 1) == 1 and AFFINITIES.get(kind, 1) == 2
                found.append((own, kind if loses else old))
        return tuple(found)

    def standing(self, relation: Relation, *, alone: bool = False) -> Standing | None:
        """Views on it are not told: SQLite looks for what they read when they are read."""
        master = f"{identifier(relation.schema)}.sqlite_master"
        name = literal(relation.name)
        rows = self.fetch(f"select type from {master} where lower(name) = lower({name})").rows
        if not rows:
            return None
        sql = f"select name, sql from {master} where type = 'index' and sql is not null"
        indexes = []
        for index, made in self.fetch(f"{sql} and lower(tbl_name) = lower({name})").rows:
            pragma = f"pragma {identifier(relation.schema)}.index_info({identifier(index)})"
            columns = tuple(str(row[2]) for row in self.fetch(pragma).rows if row[2] is not None)
            indexes.append((_in_schema(str(made), relation.schema), columns))
        return Standing(str(rows[0][0]), on_columns=tuple(indexes))


class SqliteEngine(GenericEngine):
    """Schemas are files: `shop.db` holds `main`, and `shop.raw.db` beside it holds `raw`."""

    connection = SqliteConnection

    def __init__(self, target: Target, place: Place, **how: Any) -> None:
        self._folder = None
        path = place.url.database or ":memory:"
        if path == ":memory:":  # each connection would have a database of its own
            self._folder = tempfile.TemporaryDirectory(
                prefix="sqlpipes-", ignore_cleanup_errors=True
            )
            path = os.path.join(self._folder.name, "memory.db")
        self._path = path
        self._files: dict[str, str] = {**_beside(path), **place.schemas}
        super().__init__(target, place, speech=SPEECH, **how)

    def _made(self) -> sa.Engine:
        if problem := missing_folder(self._path, self.target):
            raise EngineError(problem)
        return super()._made()

    def address(self) -> Any:
        return self.place.url.set(database=self._path)

    def arguments(self) -> dict[str, Any]:
        own = {"isolation_level": None, "check_same_thread": False, "timeout": BUSY_S}
        return own | dict(self.place.arguments)

    def set_up(self, link: sa.Connection) -> None:
        raw: Any = link.connection.driver_connection
        raw.create_function("sqlpipes_hash", 1, _hash, deterministic=True)
        raw.create_function("regexp", 2, _matches, deterministic=True)
        raw.create_aggregate("sqlpipes_sum", 1, Sum)
        link.exec_driver_sql("pragma schema_version").close()  # whether it is held, or no database
        for schema, path in self._files.items():
            _attach(link, schema, path)

    def _asked(self) -> Answers:
        """The library answers, whatever the file: so a database in memory is asked."""
        memory = sa.create_engine(
            "sqlite://", poolclass=NullPool, connect_args={"isolation_level": None}
        )
        with memory.connect() as link:
            found = ask(link, self.speech.begin, self.place.capabilities)
        import sqlite3

        return Answers(found.found, sqlite3.sqlite_version)

    def schemas(self, look: sa.Inspector) -> Sequence[str]:
        return ["main", *self._files]

    def relations(self) -> Mapping[Relation, RelationType]:
        found = {}
        for schema in ("main", *self._files):
            sql = f"select name, type from {identifier(schema)}.sqlite_master where type in ('table', 'view')"
            for name, kind in self._first.fetch(sql).rows:
                if not str(name).startswith("sqlite_"):
                    found[Relation(str(name), schema)] = RelationType(kind)
        return found

    def all_columns(self) -> Mapping[Relation, tuple[tuple[str, str], ...]]:
        """One by one, so that a view whose tables have moved away leaves the others theirs."""
        found = {}
        for relation in self.relations():
            try:
                columns = self._first.columns(relation)
            except EngineError as error:
                if any(problem.code == CONFLICT for problem in error.problems):
                    raise
                continue
            if columns:
                found[relation] = columns
        return found

    def create_schemas(self, schemas: Sequence[str], catalog: str | None = None) -> None:
        if catalog is not None:
            message = f"SQLite has no databases, and so no '{catalog}' to write to"
            hint = f"a schema is a file of its own there: say `schema: {catalog}`"
            raise EngineError(Problem("ENG024", message, hint=hint))
        known = {name.casefold() for name in ("main", TEMPORARY, *self._files)}
        for schema in schemas:
            if schema.casefold() not in known:
                self._files[schema] = _file_of(self._path, schema)
                with self._first.said(f"-- attach {schema}"):
                    _attach(self._first.link, schema, self._files[schema])

    def temporary(self, name: str) -> Relation:
        return Relation(name, TEMPORARY)

    def close(self) -> None:
        super().close()
        if self._folder is not None:
            self._folder.cleanup()


class Sum:
    """The sum of numbers of any size, as text: SQLite's own ends at 63 bits."""

    def __init__(self) -> None:
        self.total: int | None = None

    def step(self, value: int | None) -> None:
        if value is not None:
            self.total = (self.total or 0) + value

    def finalize(self) -> str | None:
        return None if self.total is None else str(self.total)


def _marked(found: re.Match[str]) -> str:
    text = found[0]
    if not text.startswith('"'):
        return text
    return identifier(text[1:-1].replace('""', '"'), "`")


def _hash(text: str) -> int:
    digest = hashlib.blake2b(str(text).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def _matches(pattern: str | None, value: str | None) -> bool | None:
    """What SQLite calls for `value REGEXP pattern`."""
    if pattern is None or value is None:
        return None
    return re.search(pattern, str(value)) is not None


def missing_folder(path: str, target: Target) -> Problem | None:
    """ENG002: a file in a folder that is not there is mostly one that is mistyped."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(folder):
        return None
    above, name = os.path.split(folder)
    while not os.path.isdir(above):
        above, name = os.path.split(above)
    beside = [each.name for each in os.scandir(above) if each.is_dir()]
    missing, at = os.path.join(above, name), target.at("path", "database", "url")
    if os.path.exists(missing):
        return Problem("ENG002", f"{path} does not open: {missing} is no folder", at)
    hint = did_you_mean(name, beside) or "make the folder first"
    return Problem("ENG002", f"{path} does not open: there is no folder {missing}", at, hint)


def _attach(link: sa.Connection, schema: str, path: str) -> None:
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    link.exec_driver_sql(f"attach {literal(path)} as {identifier(schema)}")


def _file_of(path: str, schema: str) -> str:
    """The file beside the main one, whatever the schema is called."""
    stem, ending = os.path.splitext(path)
    return f"{stem}.{quote(schema, safe='')}{ending}"


def _beside(path: str) -> dict[str, str]:
    """The files of schemas that were made before."""
    stem, ending = os.path.splitext(path)
    found = {}
    for each in sorted(glob.glob(f"{glob.escape(stem)}.*{ending}")):
        name = each[len(stem) + 1 : len(each) - len(ending)]
        if name and "." not in name:
            found[unquote(name)] = each
    return found


def _in_schema(made: str, schema: str) -> str:
    """CREATE INDEX stands in the schema's own file without its name."""
    return re.sub(
        r"(?i)^(create\s+(?:unique\s+)?index\s+(?:if\s+not\s+exists\s+)?)(?![^(]*\.)",
        lambda found: f"{found[1]}{identifier(schema)}.",
        made,
    )
