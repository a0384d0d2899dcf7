"""Names that a pattern fits: globs over words, and over paths with `/` between the parts."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase


def is_glob(value: str) -> bool:
    return any(sign in value for sign in "*?[")


def fits(label: str, value: str) -> bool:
    """Equal or a glob. A name that is no sound glob, such as 'a[b', still equals itself.

    >>> fits("stg_orders", "stg_*"), fits("a[b", "a[b"), fits("Orders", "orders")
    (True, True, False)
    """
    return label == value or (is_glob(value) and fnmatchcase(label, value))


def plain_path(path: str) -> str:
    r"""
    >>> plain_path(".\\models\\staging\\"), plain_path("./models//a.sql"), plain_path("./")
    ('models/staging', 'models/a.sql', '')
    """
    parts = path.replace("\\", "/").split("/")
    return "/".join(part for part in parts if part not in ("", "."))


def folders(path: str) -> tuple[str, ...]:
    """The path and every folder it is in, the nearest first.

    >>> folders("models/staging/a.sql")
    ('models/staging/a.sql', 'models/staging', 'models')
    """
    parts = plain_path(path).split("/")
    return tuple("/".join(parts[:i]) for i in range(len(parts), 0, -1))


def path_fits(path: str, pattern: str) -> bool:
    """A star stays within its folder, two stars cross folders. The project's own folder is all.

    >>> [path_fits("models/a/b.sql", p) for p in ("models/*.sql", "models/**/*.sql", "./models/a/b.sql")]
    [False, True, True]
    """
    plain = plain_path(pattern)
    if plain == path or not plain:
        return True
    return is_glob(plain) and _parts_fit(path.split("/"), plain.split("/"))


def _parts_fit(parts: Sequence[str], patterns: Sequence[str]) -> bool:
    if not patterns:
        return not parts
    if patterns[0] == "**":
        return any(_parts_fit(parts[i:], patterns[1:]) for i in range(len(parts) + 1))
    return (
        bool(parts) and fnmatchcase(parts[0], patterns[0]) and _parts_fit(parts[1:], patterns[1:])
    )
