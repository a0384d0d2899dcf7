"""A database in which nothing is, and that no server stands behind."""

from __future__ import annotations

from dataclasses import replace

from sqlpipes.core.config import Target
from sqlpipes.core.sql import Relation
from sqlpipes.engines.generic.engine import GenericEngine
from sqlpipes.engines.generic.place import Place
from sqlpipes.engines.generic.probes import capable, granted
from sqlpipes.engines.generic.publishing import RenamePublishing
from sqlpipes.engines.generic.remembered import recall
from sqlpipes.engines.generic.speech import Speech, speech_of
from sqlpipes.engines.offline import Offline


class BlankEngine(Offline, GenericEngine):
    """Spells names and statements as the real one does, as far as it was asked before."""

    def __init__(self, target: Target, place: Place, root: str = ".") -> None:
        self.target, self.place, self.root = target, place, root
        self.speech = _speech(place)
        self.schema, self.dialect = target.schema, place.dialect
        self.catalog = None
        known = recall(root, place, None) or granted(self.speech.can)
        found = {**known.found, **place.capabilities}
        self.answers = replace(known, found=found)
        self.can = capable(self.speech.can, self.answers)
        if self.can.transactional_rows and not self.can.transactional_ddl:
            self.publishing = RenamePublishing(self.quote, self.spell)

    def temporary(self, name: str) -> Relation:
        return Relation(name, "temp" if self.place.scheme == "sqlite" else "")


def _speech(place: Place) -> Speech:
    if place.scheme == "sqlite":
        from sqlpipes.engines.generic.sqlite import SPEECH

        return SPEECH
    return speech_of(place.scheme)
