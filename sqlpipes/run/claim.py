"""An engine without transactions + who builds -> a claim that stands in it, as long as the build lives.

Builds of one project folder wait for each other by a file. Those of other folders and machines meet only
in the warehouse: there a view of one row, `sqlpipes__builder` in the target's schema, says who builds. To
make a view is one act of the catalog, so one of two gets it. It is written again every few seconds with a
beat that has moved on. Clocks of two machines are never compared: whoever waits takes a builder for dead
once its beat has stood still for `PATIENCE_S` seconds of his own. A builder that could not write its beat
publishes nothing before it has seen that the claim is still its own.
"""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Connection, Engine
from sqlpipes.core.errors import EngineError, LockedError, Problem
from sqlpipes.core.sql import Relation

CLAIM = "sqlpipes__builder"
BEAT_S = 5.0
LOOK_S = 1.0
LAST_S = 5.0
PATIENCE_S = 30.0
SURE_S = PATIENCE_S / 2  # after a beat nobody can have taken it for dead yet


@dataclass(frozen=True, slots=True)
class Claim:
    """`builder` begins the names of what it stages; `place` is one folder on one machine."""

    builder: str
    who: str
    place: str
    beat: int = 0

    @property
    def text(self) -> str:
        """Letters and digits only, whatever the engine's texts escape.

        >>> Claim.of(Claim("0a1b2c3d", "build (pid 7)", "host:/shop").text).who
        'build (pid 7)'
        """
        return base64.b64encode(json.dumps(asdict(self)).encode()).decode()

    @staticmethod
    def of(text: str) -> Claim:
        """Raises ValueError, or TypeError, for what is none."""
        return Claim(**json.loads(base64.b64decode(text)))


@dataclass(frozen=True, slots=True)
class Patience:
    """How long another build is waited for, who is told of it, and what ends the waiting."""

    wait_s: float = 0.0
    on_wait: Callable[[str], None] | None = None
    stop: Callable[[], bool] = bool


AT_ONCE = Patience()


class Hold:
    """A claim that is ours. Its beat moves in a thread of its own until `release`."""

    def __init__(self, engine: Engine, view: str, claim: Claim, beat_s: float = BEAT_S) -> None:
        self._engine = engine
        self._connection = engine.connect()
        self._view = view
        self._claim = claim
        self._beat_s = beat_s
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._at = time.time()  # it counts on while a machine sleeps
        self._thread = threading.Thread(target=self._live, daemon=True, name="sqlpipes claim")
        self._thread.start()

    def demand(self) -> None:
        """Raises EngineError LCK006 when another build has taken this one for dead."""
        if time.time() - self._at > SURE_S:
            self._beat()

    def release(self) -> None:
        if self._over.is_set():
            return
        self._over.set()
        self._thread.join(LOOK_S)
        if self._thread.is_alive():  # it asks a server that does not answer
            self._connection.interrupt()
            self._thread.join(LAST_S)
        if self._thread.is_alive():
            return  # its claim stays: the next build here takes it at once, others after a while
        with suppress(EngineError):
            self._connect()
            if self._is_ours():
                self._connection.execute(f"drop view {self._view}")
        self._connection.close()

    def _live(self) -> None:
        while not self._over.wait(self._beat_s):
            with suppress(EngineError):  # the server may be out of reach for a while
                self._beat()

    def _connect(self) -> None:
        """A server that was started again knows the claim, and not this connection."""
        if not self._connection.is_open:
            self._connection.close()
            self._connection = self._engine.connect()

    def _beat(self) -> None:
        with self._lock:
            self._connect()
            if not self._is_ours():
                message = (
                    "another build took this one for dead, as it gave no sign of life for too long"
                )
                hint = "nothing more is published; build again once the other one has ended"
                raise EngineError(Problem("LCK006", message, hint=hint))
            began = time.time()
            self._claim = replace(self._claim, beat=self._claim.beat + 1)
            self._connection.execute(claim_sql(self._view, self._claim, anew=True))
            self._at = began

    def _is_ours(self) -> bool:
        found = _read(self._view, self._connection)
        return found is not None and found.builder == self._claim.builder


def claim_sql(view: str, claim: Claim, *, anew: bool = False) -> str:
    return f"create {'or replace ' if anew else ''}view {view} as {row_sql('claim', claim.text)}"


def row_sql(name: str, text: str) -> str:
    """A query of one text. Said so, Spark answers it without a worker, while all of them are busy."""
    return f"with said({name}) as (values ('{text}')) select {name} from said"


def claims(engine: Engine, connection: Connection) -> tuple[Claim, ...]:
    """Those that stand in any schema now, of builds that may be dead."""
    there = [each for each in engine.relations() if each.name == CLAIM]
    found = (_read(engine.quote(each), connection) for each in there)
    return tuple(claim for claim in found if claim is not None)


def _read(view: str, connection: Connection) -> Claim | None:
    """None: there is none, or what is there is not ours to read. Raises EngineError when nobody answers."""
    try:
        return Claim.of(str(connection.fetch(f"select claim from {view}").rows[0][0]))
    except (EngineError, ValueError, TypeError, LookupError):
        if not connection.is_open:
            raise
        return None


def hold(engine: Engine, schema: str, claim: Claim, patience: Patience = AT_ONCE) -> Hold:
    """Put up the claim. Raises LockedError LCK005 for another build that is alive and has one in that
    schema, for longer than may be waited.

    One of the same place is dead: its folder's lock is ours.
    """
    engine.create_schemas([schema])
    view = engine.quote(Relation(CLAIM, schema))
    connection = engine.connect()
    try:
        _put_up(view, claim, connection, patience)
    finally:
        connection.close()
    return Hold(engine, view, claim)


def _put_up(view: str, claim: Claim, connection: Connection, patience: Patience) -> None:
    began = time.monotonic()
    seen, since, told = None, began, False
    while True:
        try:
            connection.execute(claim_sql(view, claim))
            return
        except EngineError:
            other = _read(view, connection)
            if other is None and seen is None:  # nobody holds it: it cannot be made
                raise
        now = time.monotonic()
        if other is None:
            continue
        moved = seen is not None and other != seen
        if other != seen:
            seen, since = other, now
        if other.place == claim.place or now - since >= PATIENCE_S:
            if _take_over(view, other, claim, connection):
                return
            continue
        if patience.stop() or (moved and now - began >= patience.wait_s):
            raise LockedError(_held(other))
        if patience.on_wait and not told:
            patience.on_wait(_named(other))
            told = True
        time.sleep(LOOK_S)


def _take_over(view: str, dead: Claim, claim: Claim, connection: Connection) -> bool:
    """Two may do that at once: the claim is ours if it still is after a while."""
    if _read(view, connection) != dead:
        return False
    connection.execute(claim_sql(view, claim, anew=True))
    if dead.place != claim.place:
        time.sleep(LOOK_S)
    return _read(view, connection) == claim


def _named(claim: Claim) -> str:
    return f"{claim.who} in {claim.place}"


def _held(claim: Claim) -> Problem:
    message = f"{_named(claim)} is building this target"
    hint = "one build at a time: without transactions neither could keep the other from publishing"
    return Problem("LCK005", message, hint=hint)
