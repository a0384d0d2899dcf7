"""A path -> whether a database that is a file can be made there, found out without making anything."""

from __future__ import annotations

import os

from sqlpipes.core.errors import EngineError, Problem


def demand_room(path: str) -> str:
    """The folder that the file would stand in, or the nearest above that is there.

    EngineError ENG002 where the file cannot be made.
    """
    folder = os.path.dirname(path)
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    if not os.path.isdir(folder):
        raise EngineError(Problem("ENG002", f"{path} cannot be made: {folder} is no folder"))
    if os.path.isdir(path):
        raise EngineError(Problem("ENG002", f"{path} does not open: Is a directory"))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise EngineError(Problem("ENG002", f"{path} cannot be made: Permission denied"))
    return folder
