"""Files that a query names: as paths on this machine, and as the inputs that they are."""

from __future__ import annotations

import posixpath

from sqlpipes.core.asset import Dependency
from sqlpipes.core.errors import Location
from sqlpipes.core.hiding import without_passwords
from sqlpipes.read.reading import Model


def file_inputs(model: Model, root: str) -> list[tuple[str, Dependency]]:
    """(absolute pattern, dependency on it) of every file that the model reads."""
    found: dict[str, Dependency] = {}
    for read in model.files:
        absolute, name = file_pattern(read.pattern, root)
        at = Location(model.asset.path, read.line, read.column, max(read.end - read.start, 1))
        found.setdefault(absolute, Dependency(name, at))
    return list(found.items())


def file_pattern(pattern: str, root: str) -> tuple[str, str]:
    """A pattern as (absolute, as it is named): relative ones stand below the project.

    >>> file_pattern("raw/./x.csv", "/shop"), file_pattern("s3://bucket/x.parquet", "/shop")
    (('/shop/raw/x.csv', 'raw/x.csv'), ('s3://bucket/x.parquet', 's3://bucket/x.parquet'))

    What lets one in is in no name.

    >>> file_pattern("http://me:pw@host/x.csv", "/shop")
    ('http://me:pw@host/x.csv', 'http://me@host/x.csv')
    """
    if "://" in pattern:
        return pattern, without_passwords(pattern)
    absolute = posixpath.normpath(posixpath.join(root.replace("\\", "/"), pattern))
    inside = root.rstrip("/").replace("\\", "/") + "/"
    return absolute, absolute.removeprefix(inside)
