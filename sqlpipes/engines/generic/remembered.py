"""What a database was found to be able to do, kept beside the project's state: asking a server costs.

Nothing of the address is written but a digest of what is not secret in it.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress

from sqlpipes.engines.generic.place import Place
from sqlpipes.engines.generic.probes import ASKED, Answers

FOLDER = ".sqlpipes"
ASKER = 1  # moves when other questions are asked, or otherwise


def recall(root: str, place: Place, version: str | None) -> Answers | None:
    """What was found out of this database in this version, or in whichever was asked; None for nothing."""
    with suppress(OSError, ValueError, TypeError):
        with open(_path(root, place), encoding="utf-8") as file:
            asker, asked, found = json.load(file)
        if asker == ASKER and version in (None, asked) and set(found) == set(ASKED):
            return Answers({name: bool(found[name]) for name in ASKED}, asked, "asked before")
    return None


def remember(root: str, place: Place, answers: Answers) -> None:
    """A folder that cannot be written to only costs time."""
    folder = os.path.join(root, FOLDER)
    with suppress(OSError):
        os.makedirs(folder, exist_ok=True)
        path = _path(root, place)
        with open(f"{path}.{os.getpid()}", "w", encoding="utf-8") as file:
            json.dump([ASKER, answers.version, dict(answers.found)], file)
        os.replace(f"{path}.{os.getpid()}", path)


def _path(root: str, place: Place) -> str:
    url = place.url
    said = f"{url.drivername} {url.host} {url.port} {url.database} {url.username}"
    digest = hashlib.blake2b(said.encode(), digest_size=8).hexdigest()
    return os.path.join(root, FOLDER, f"engine-{digest}.json")
