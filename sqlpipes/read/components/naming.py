"""What a component made -> the names in it that no asset can have, told where they come from."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlpipes.core.errors import Location, Problem
from sqlpipes.read.marked import Node
from sqlpipes.read.python.found import Contents

NAME = r"[^\W\d]\w*"
FIELDS = ("name", "table", "prefix", "path")  # that names are made of, the likeliest first
HINT = "a name has letters, digits and `_`, and begins with no digit"


def nameless(contents: Contents, node: Node, at: Location) -> Iterator[Problem]:
    """CMP009 for each name that is none; `node`: the attributes, `at`: where the component stands."""
    names = [each.name for each in contents.found if each.kind == "asset"]
    for name in dict.fromkeys([*names, *(each.name for each in contents.queries)]):
        if not re.fullmatch(NAME, name):
            message = f"'{name}' cannot be the name of an asset"
            yield Problem("CMP009", message, naming(node, name) or at, HINT)


def naming(node: Node, name: str) -> Location | None:
    """Where a name comes from: the value that is the very same, else the attribute that makes names."""
    given = dict(node.entries())
    same = next((below for below in given.values() if below.value == name), None)
    found = same or next((given[field] for field in FIELDS if given.get(field)), None)
    return found.at if found else None
