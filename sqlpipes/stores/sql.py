"""The store in a SQL database, through SQLAlchemy Core. Events in, records and History out.

On SQLite every write begins with BEGIN IMMEDIATE, elsewhere with a lock on the target's row of
`sqlpipes_ticks`: ticks are handed out in the order in which transactions commit.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from sqlalchemy import Connection, Engine, exc, insert, select, text

from sqlpipes.core.errors import Location, Problem, StoreError
from sqlpipes.core.status import Status
from sqlpipes.stores import current, journal, recall
from sqlpipes.stores import tables as t
from sqlpipes.stores.asked import SqlAsked
from sqlpipes.stores.connect import begin, faults, is_file, make_engine, name_of, parse_url
from sqlpipes.stores.following import SqlFollower
from sqlpipes.stores.jobs import SqlJobs
from sqlpipes.stores.keeping import Keeping
from sqlpipes.stores.lasting import is_away, lasting, patiently, transaction_id, was_committed
from sqlpipes.stores.leases import Leases
from sqlpipes.stores.lock import place_of
from sqlpipes.stores.migrations import migrate, schema_version
from sqlpipes.stores.moving import move_asset
from sqlpipes.stores.records import CheckRecord, Move, Note, RunRecord, SliceRecord
from sqlpipes.stores.schema import MIGRATIONS, newest


def open_sql_store(
    url: str | None,
    root: str,
    *,
    target: str,
    migrations: Mapping[int, tuple[str, ...]] = MIGRATIONS,
    at: Location | None = None,
) -> SqlStore:
    """Open, and create or migrate when needed."""
    with faults("`state`" if url else root, at):
        parsed = parse_url(url, root, at)
    where = name_of(parsed)
    with faults(where, at):
        engine = make_engine(parsed)
    store = SqlStore(engine, target, place_of(root), where, at)
    try:
        patiently(partial(store._make_ready, migrations), was_there=False)
    except BaseException:
        store.close()
        raise
    return store


def peek_at(url: str, root: str, at: Location | None) -> str:
    """See `sqlpipes.stores.peek`; of a database that is no file in the project."""
    with faults("`state`", at):
        parsed = parse_url(url, root, at)
    where = name_of(parsed)
    with faults(where, at):
        engine = make_engine(parsed)
    try:
        return str(patiently(partial(_unmade, engine, where, at), was_there=False))
    finally:
        engine.dispose()


def _unmade(engine: Engine, where: str, at: Location | None) -> str:
    with faults(where, at), engine.connect() as db:
        found = schema_version(db)
        if found is not None:
            return (
                "" if found >= newest() else "opens; the first build brings its tables up to date"
            )
        if db.dialect.name == "postgresql" and not db.scalar(_MAY_MAKE):
            raise StoreError(_no_right(where, at))
    return "opens, its tables are not there yet: the first build makes them"


def _no_right(where: str, at: Location | None) -> Problem:
    message = f"{where}: there are no tables of the state yet, and its user may not make any"
    hint = "grant create on its schema (public, or the first of the search path) to the user in `state`"
    return Problem("STO016", message, at, hint)


_MAY_MAKE = text("select coalesce(has_schema_privilege(current_schema(), 'create'), false)")


@lasting
class SqlLeases(Leases):
    """The same, asked again while their server is away."""


@lasting
class SqlStore(Keeping):
    """An open state database, narrowed to one target. Make it with `open_store`."""

    def __init__(
        self, engine: Engine, target: str, place: str, where: str, at: Location | None = None
    ) -> None:
        super().__init__(target, place)
        self._at = at  # where it is written which database this is
        self._engine = engine
        self._where = where
        self._writer = threading.Lock()  # the pulse of a build writes from a thread of its own

    def leases(self) -> SqlLeases:
        return SqlLeases(self._read, self._write, self.target)

    def follow(self) -> SqlFollower:
        path = str(self._engine.url.database) if is_file(self._engine.url) else None
        return SqlFollower(self._engine, self._read, self.target, path)

    def jobs(self) -> SqlJobs:
        return SqlJobs(self._read, self._write, self.target)

    def asked(self) -> SqlAsked:
        return SqlAsked(self._read, self._write, self.target)

    def slices(self, asset: str) -> tuple[SliceRecord, ...]:
        with self._read() as db:
            return recall.list_slices(db, self.target, asset)

    def runs(self, limit: int = 20) -> tuple[RunRecord, ...]:
        with self._read() as db:
            return recall.list_runs(db, self.target, limit)

    def run(self, run_id: str = "last") -> RunRecord:
        with self._read() as db:
            return recall.find_run(db, self.target, run_id)

    def last_result(self) -> Mapping[str, Status]:
        with self._read() as db:
            return recall.last_result(db, self.target)

    def check_results(self, run_id: str | None = None) -> tuple[CheckRecord, ...]:
        with self._read() as db:
            return recall.check_results(db, self.target, run_id)

    def notes(self, asset: str) -> tuple[Note, ...]:
        with self._read() as db:
            return recall.list_notes(db, self.target, asset)

    def check_history(self, asset: str) -> tuple[CheckRecord, ...]:
        with self._read() as db:
            return recall.check_history(db, self.target, asset)

    def move(self, move: Move, done: str = "") -> None:
        with self._write() as to:
            move_asset(to, move)
            current.drop_stamp(to.db, self.target, done)

    def close(self) -> None:
        self._engine.dispose()

    def _make_ready(self, migrations: Mapping[int, tuple[str, ...]]) -> None:
        with faults(self._where, self._at):
            migrate(self._engine, self._where, migrations)
            self._begin_time()

    def _begin_time(self) -> None:
        query = select(t.ticks.c.tick).where(t.ticks.c.target == self.target)
        with self._read() as db:
            if db.scalar(query) is not None:
                return
        try:
            with self._engine.begin() as db:
                begin(db, writes=True)
                db.execute(insert(t.ticks), {"target": self.target, "tick": 0})
        except exc.IntegrityError:
            return  # another process was quicker

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with faults(self._where, self._at), self._engine.connect() as db:
            if db.dialect.name == "postgresql":
                db = db.execution_options(isolation_level="REPEATABLE READ")
            begin(db, writes=False)
            yield db

    @contextmanager
    def _write(self) -> Iterator[journal.Writing]:
        with self._writer:
            try:
                with faults(self._where, self._at), self._engine.connect() as db:
                    begin(db, writes=True)
                    own = transaction_id(db)
                    yield journal.Writing(db, self.target, self._place, self._memo)
                    self._commit(db, own)
            except BaseException:
                self._memo.clear()
                raise

    def _commit(self, db: Connection, own: str | None) -> None:
        """Whose answer may be lost: the server is asked what became of it."""
        try:
            db.commit()
        except exc.DBAPIError as error:
            if not is_away(error):
                raise
            done = was_committed(self._engine, own)
            if done is None:
                raise StoreError(_unanswered(self._where, self._at)) from error
            if not done:
                raise


def _unanswered(where: str, at: Location | None) -> Problem:
    return Problem(
        "STO018",
        f"the connection to the state in {where} was lost, and nobody can tell what it has noted",
        at,
        hint="build again: what is not on record counts as not built",
    )
