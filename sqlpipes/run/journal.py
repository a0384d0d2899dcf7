"""How rows are published without a transaction, so that a kill between two statements is repaired.

A part of a step is built beside its relation, under names that begin with `sqlpipes__`:

    nothing -stage-> staged -check-> checked -note-> noted -publish-> published -strike-> done

- *nothing, staged, checked*: readers see the old rows. A kill leaves tables beside it, which the next
  build drops. A check that fails does so at once.
- *noted*: a view of one row, `sqlpipes__journal_...`, holds the statements that are still to be said, each
  with what it needs to be there. To make a view is one act of the catalog: it is there or it is not.
- *noted to published*: some of the statements have been said. The next build says those that are left, in
  their order: each can be said again, and does not what has been done. All they need is the staging
  table, and that is not dropped before the journal is struck.
- *published*: the view is dropped, then what is left beside the relation.

Where one statement that is done as a whole or not at all is enough, no note is taken. The state records
the step only after all of this: a step that began and has no end is built again, whatever came of it.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterable
from contextlib import closing, suppress

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Connection, Deed, Engine, RelationType
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.sql import Relation
from sqlpipes.run.claim import CLAIM, claims, row_sql

OURS = "sqlpipes__"  # begins every name of what stands beside a relation
JOURNAL = f"{OURS}journal_"
BUILDER = re.compile(rf"{OURS}(?:journal_)?b([0-9a-f]{{8}})_")
CONFLICT = "ENG006"  # another statement got there first
ATTEMPTS = 5
FIRST_PAUSE_S = 0.1
HELD = "drop the view {} to give up the rows it would publish; the next build makes them anew"


@dataclass(frozen=True, slots=True)
class Intent:
    """What is to be said for a part of an asset, in order."""

    asset: str
    deeds: tuple[Deed, ...]

    @property
    def needs_note(self) -> bool:
        return len(self.deeds) > 1 or not all(deed.is_atomic for deed in self.deeds)

    @property
    def text(self) -> str:
        """Letters and digits only, whatever the engine's texts escape.

        >>> Intent.of(Intent("orders", (Deed("drop view x", (Relation("x", "main"),)),)).text).deeds[0].needs
        (Relation(name='x', schema='main', catalog=None),)
        """
        said = [
            [deed.sql, *map(_plain, (deed.needs, deed.lacks)), deed.unless, deed.then]
            for deed in self.deeds
        ]
        return base64.b64encode(json.dumps([self.asset, said]).encode()).decode()

    @staticmethod
    def of(text: str) -> Intent:
        asset, said = json.loads(base64.b64decode(text))
        deeds = (
            Deed(sql, _relations(needs), _relations(lacks), unless, then=tuple(*then))
            for sql, needs, lacks, unless, *then in said
        )
        return Intent(asset, tuple(deeds))


def _plain(relations: Iterable[Relation]) -> list[list[str | None]]:
    return [[each.name, each.schema, each.catalog] for each in relations]


def _relations(said: list[list[str]]) -> tuple[Relation, ...]:
    return tuple(Relation(*each) for each in said)


def mark_of(builder: str) -> str:
    """
    >>> builder_of(f"sqlpipes__journal_{mark_of('0a1b2c3d')}orders"), mark_of(""), builder_of("sqlpipes__x")
    ('0a1b2c3d', '', '')
    """
    return f"b{builder}_" if builder else ""


def builder_of(name: str) -> str:
    """Whose staged table it is, by its name; "" for nobody's."""
    found = BUILDER.match(name)
    return found[1] if found else ""


def note_sql(journal: str, intent: Intent) -> str:
    return f"create view {journal} as {row_sql('intent', intent.text)}"


def publish(intent: Intent, journal: str, connection: Connection) -> Iterable[str]:
    """Take the note, say all of it, strike the note; yields each statement before it is said."""
    if intent.needs_note:
        note = note_sql(journal, intent)
        yield note
        connection.execute(note)
    strike = f"drop view {journal}"
    for place, deed in enumerate(intent.deeds):
        yield from (deed.sql, *deed.then)
        begun = place > 0 or not deed.is_atomic
        try:
            _do(deed, connection, ATTEMPTS if begun else 1)
        except EngineError as error:
            if begun:
                raise half_done(error, intent.asset) from error
            if intent.needs_note:  # nothing has been done
                with suppress(EngineError):
                    connection.execute(strike)
            raise
    if intent.needs_note:
        yield strike
        connection.execute(strike)


def _do(deed: Deed, connection: Connection, attempts: int) -> None:
    """After a conflict it is said again, if it is still to be done: what has begun is not begun anew."""
    for failed in range(attempts):
        if failed:
            time.sleep(FIRST_PAUSE_S * 2 ** (failed - 1))
            if not _is_due(deed, connection):
                return
        try:
            _say(deed, connection)
            return
        except EngineError as error:
            conflict = any(problem.code == CONFLICT for problem in error.problems)
            if not conflict or failed == attempts - 1:
                raise


def half_done(error: EngineError, asset: str) -> EngineError:
    """JRN002: some of the statements have been said. The note stays, and nothing tries it from the start."""
    told = error.problems[0].message
    message = f"'{asset}' is published in part, as a statement failed: {told}"
    hint = "the next build finishes it before it does anything else"
    return EngineError(Problem("JRN002", message, hint=hint), statement=error.statement)


def _say(deed: Deed, connection: Connection) -> None:
    if not deed.then:
        connection.execute(deed.sql)
        return
    with connection.transaction():
        for sql in (deed.sql, *deed.then):
            connection.execute(sql)


def _is_due(deed: Deed, connection: Connection) -> bool:
    """Whether it is still to be done. Said for the first time, a deed always is."""
    if any(connection.columns(each) is None for each in deed.needs):
        return False
    if any(connection.columns(each) is not None for each in deed.lacks):
        return False
    return not (deed.unless and connection.fetch(deed.unless).rows[0][0])


def mend(engine: Engine) -> tuple[str, ...]:
    """Finish what builds that were killed had begun to publish, and drop what they left: the assets.

    What is staged by builds that are alive is left alone: those that have put up a claim. Raises
    EngineError JRN001 when it cannot be finished.
    """
    ours = _beside(engine)
    if not ours:
        return ()
    with closing(engine.connect()) as connection:  # after the list: who stages has claimed before
        alive = {claim.builder for claim in claims(engine, connection)}
    ours = {each: kind for each, kind in ours.items() if builder_of(each.name) not in alive}
    finished = []
    with closing(engine.connect()) as connection:
        for journal in sorted(each for each in ours if each.name.startswith(JOURNAL)):
            finished.append(_finish(journal, engine, connection))
        if finished:  # they leave what stood there before
            ours = {k: v for k, v in _beside(engine).items() if builder_of(k.name) not in alive}
        for each, kind in sorted(ours.items(), key=lambda item: item[1] is not RelationType.VIEW):
            with suppress(EngineError):  # a deed has moved it, or it was a journal
                connection.execute(f"drop {kind} if exists {engine.quote(each)}")
    return tuple(finished)


def _beside(engine: Engine) -> dict[Relation, RelationType]:
    """What stands beside relations now, but for claims."""
    found = engine.relations().items()
    return {k: v for k, v in found if k.name.startswith(OURS) and k.name != CLAIM}


def _finish(journal: Relation, engine: Engine, connection: Connection) -> str:
    name = engine.quote(journal)
    try:
        intent = Intent.of(str(connection.fetch(f"select intent from {name}").rows[0][0]))
        for deed in intent.deeds:
            if _is_due(deed, connection):
                _do(deed, connection, ATTEMPTS)
        connection.execute(f"drop view {name}")
    except (EngineError, ValueError, LookupError) as error:
        told = error.problems[0].message if isinstance(error, EngineError) else str(error)
        message = f"what a build that was cut off had begun to publish cannot be finished: {told}"
        raise EngineError(Problem("JRN001", message, hint=HELD.format(name))) from error
    return intent.asset
