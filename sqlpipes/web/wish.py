"""The body of a request -> what is to be planned or built, or what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field, fields
from typing import Any

from sqlpipes.api import Ask
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import did_you_mean
from sqlpipes.web.refused import Refused, refused


@dataclass(frozen=True, slots=True)
class Wish:
    """As the command line says it: `select` and `exclude` in the selection grammar."""

    select: str = ""
    exclude: str = ""
    partitions: str = ""
    full_refresh: bool = False
    vars: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ask(self) -> Ask:
        return Ask(
            select=(self.select,) if self.select else (),
            exclude=(self.exclude,) if self.exclude else (),
            partitions=self.partitions or None,
            full_refresh=self.full_refresh,
        )


KINDS = {each.name: each.type for each in fields(Wish)}


def wish_from(body: bytes) -> Wish:
    """Refused 422 for what is no wish, with the name that may be meant."""
    try:
        said = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise refused(422, "UIX014", "the body is no JSON") from None
    if not isinstance(said, dict):
        raise refused(422, "UIX014", "the body must be an object")
    for name, value in said.items():
        _check(name, value)
    found: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    stripped: Any = {n: v.strip() if isinstance(v, str) else v for n, v in found.items()}
    return Wish(**stripped)


def _check(name: str, value: Any) -> None:
    if name not in KINDS:
        raise refused(422, "UIX014", f"the body has no '{name}'", did_you_mean(name, KINDS))
    if value is None:
        return
    if name == "vars":
        good = isinstance(value, dict)
    elif name == "full_refresh":
        good = isinstance(value, bool)
    else:
        good = isinstance(value, str) and _is_text(value)
    if not good:
        kind = {"vars": "an object", "full_refresh": "true or false"}.get(name, "a text")
        raise _not(name, kind)


def _not(name: str, kind: str) -> Refused:
    return refused(422, "UIX014", f"'{name}' must be {kind}")


def _is_text(value: str) -> bool:
    """Whether it can stand on a command line."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value
