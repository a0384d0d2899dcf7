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
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass

from sqlpipes.core.engine import Connection, Deed, Engine, RelationType
from sqlpipes.core.errors import EngineError, Problem
from sqlpipes.core.sql import Relation

OURS = "sqlpipes__"  # begins every name of what stands beside a relation
JOURNAL = f"{OURS}journal_"
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


def note_sql(journal: str, intent: Intent) -> str:
    return f"create view {journal} as select '{intent.text}' as intent"


def publish(intent: Intent, journal: str, connection: Connection) -> Iterable[str]:
    """Take the note, say all of it, strike the note; yields each statement before it is said."""
    if intent.needs_note:
        note = note_sql(journal, intent)
        yield note
        connection.execute(note)
    strike = f"drop view {journal}"
    for place, deed in enumerate(intent.deeds):
        yield from (deed.sql, *deed.then)
        try:
            _do(deed, connection)
        except EngineError:
            if place == 0 and deed.is_atomic and intent.needs_note:  # nothing has been done
                with suppress(EngineError):
                    connection.execute(strike)
            raise
    if intent.needs_note:
        yield strike
        connection.execute(strike)


def _do(deed: Deed, connection: Connection) -> None:
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

    Only while no other build is under way. Raises EngineError JRN001 when it cannot be finished.
    """
    there = engine.relations()
    ours = {each: kind for each, kind in there.items() if each.name.startswith(OURS)}
    if not ours:
        return ()
    finished = []
    with closing(engine.connect()) as connection:
        for journal in sorted(each for each in ours if each.name.startswith(JOURNAL)):
            finished.append(_finish(journal, engine, connection))
        for each, kind in sorted(ours.items(), key=lambda item: item[1] is not RelationType.VIEW):
            with suppress(EngineError):  # a deed has moved it, or it was a journal
                connection.execute(f"drop {kind} if exists {engine.quote(each)}")
    return tuple(finished)


def _finish(journal: Relation, engine: Engine, connection: Connection) -> str:
    name = engine.quote(journal)
    try:
        intent = Intent.of(str(connection.fetch(f"select intent from {name}").rows[0][0]))
        for deed in intent.deeds:
            if _is_due(deed, connection):
                _do(deed, connection)
        connection.execute(f"drop view {name}")
    except (EngineError, ValueError, LookupError) as error:
        told = error.problems[0].message if isinstance(error, EngineError) else str(error)
        message = f"what a build that was cut off had begun to publish cannot be finished: {told}"
        raise EngineError(Problem("JRN001", message, hint=HELD.format(name))) from error
    return intent.asset
