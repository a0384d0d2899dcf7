"""A column of a file that is read -> where its name stands in the file, which is at its top."""

from __future__ import annotations

import re

from sqlpipes.core.errors import Location

READ = re.compile(r"\bread_(?:csv|json_auto)\('((?:[^']|'')*)'")
LITERALLY = re.compile(r"\[(.)\]")  # a letter that would be a pattern
LONGEST = 100_000  # bytes of a file in which names are looked for


def name_in_file(reads: str, name: str) -> Location | None:
    """None for a file that has no such text, for several files, and for rows that come from none."""
    found = READ.search(reads)
    if found is None:
        return None
    path = LITERALLY.sub(r"\1", found[1].replace("''", "'"))
    try:
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            top = file.read(LONGEST)
    except OSError:
        return None
    at = top.find(name)
    if at < 0:
        return None
    return Location(path, top.count("\n", 0, at) + 1, at - top.rfind("\n", 0, at), len(name))
