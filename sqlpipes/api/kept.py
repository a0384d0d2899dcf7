"""Small JSON files under .sqlpipes/cache: what was learnt and can be learnt again."""

from __future__ import annotations

import json
import os
import tempfile
from typing import Any

FOLDER = ".sqlpipes/cache"


def read_json(root: str, name: str) -> dict[str, Any] | None:
    """What was kept under this name; None when nothing readable was."""
    try:
        with open(os.path.join(root, FOLDER, name), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def write_json(root: str, name: str, value: dict[str, Any]) -> None:
    """Atomically; a folder that cannot be written only means that it is learnt again."""
    folder = os.path.join(root, FOLDER)
    try:
        os.makedirs(folder, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False, encoding="utf-8") as file:
            json.dump(value, file)
        os.replace(file.name, os.path.join(folder, name))
    except OSError:
        pass
