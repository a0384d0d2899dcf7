"""Models, seeds and sources that need not be read again: kept whole, as objects, by what they were read from.

Facts are kept for each file, but making an asset out of them, out of the defaults of its folders and of what
YAML says was most of what a command cost that found nothing changed. An asset is recalled when its file, the
YAML files that speak of it, and what all reading stands on are the same. Left out is whatever may become
another thing without any of these: templates, braces (which ask vars and the environment), and what Python
or components say.

The file is a pickle that is read without trust: it can make objects of our own classes and nothing else.
"""

from __future__ import annotations

import io
import os
import pickle
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, fields, is_dataclass, replace
from datetime import date, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlpipes.core.asset import SqlBody
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem
from sqlpipes.read.braces import has_braces
from sqlpipes.read.cache import FOLDER, Cache, read_stamped, write_stamped
from sqlpipes.read.files import File, content_hash
from sqlpipes.read.ground import Ground
from sqlpipes.read.marked import Node

if TYPE_CHECKING:
    from sqlpipes.core.asset import Asset
    from sqlpipes.read.reading import Model

NAME = "models-{}.pickle"  # one for each target that is read
OURS = "sqlpipes."
VALUES = (date, datetime)
SLACK = 0.02  # the share of those that are read anew before all are written again
KNOWN_SHARE = 0.5  # of the files; a first reading writes none, as it may stay the only one

Origins = tuple[tuple[str, str], ...]  # path and digest of each file that says something of it
Kept = tuple[str, str, Origins, Any, tuple[Problem, ...]]
"""Kind of its facts, digest of its file, origins, what was read, and what is wrong with it."""


@dataclass(slots=True)
class Recalled:
    """Of one reading. `path` None: nothing is kept."""

    path: str | None
    stamp: str
    cache: Cache
    kept: dict[str, Kept] = field(default_factory=dict)
    now: dict[str, Kept] = field(default_factory=dict)
    only_yaml: bool = (
        True  # nobody else has made entries, which would look as if they stood in a file
    )
    count: int = 0  # of files that were asked for
    missed: int = 0  # of those that could have been kept

    def model(self, file: File, told: Sequence[Node], problems: list[Problem]) -> Model | None:
        """A model as it was read before, if it would be the same now. `told`: what YAML says of it."""
        found: Model | None = self._again(file.path, file, told, problems)
        return found

    def seed(self, file: File, told: Sequence[Node], problems: list[Problem]) -> Asset | None:
        found: Asset | None = self._again(file.absolute, file, told, problems)
        return found

    def sources(
        self, root: str, told: Sequence[Node], problems: list[Problem]
    ) -> list[Asset] | None:
        found: list[Asset] | None = self._again(f"{root}: sources", None, told, problems)
        return found

    def note_model(
        self,
        file: File,
        told: Sequence[Node],
        front: Node | None,
        model: Model,
        problems: Sequence[Problem],
    ) -> None:
        """What was read just now."""
        if not isinstance(model.asset.body, SqlBody) or model.asset.body.template is None:
            known = ("sql", self.cache.digest(file.path, "sql"))
            self._note(file.path, known, told, model, problems, front)

    def note_seed(
        self, file: File, kind: str, told: Sequence[Node], seed: Asset, problems: Sequence[Problem]
    ) -> None:
        known = (kind, self.cache.digest(file.path, kind))
        self._note(file.absolute, known, told, seed, problems)

    def note_sources(
        self, root: str, told: Sequence[Node], found: Sequence[Asset], problems: Sequence[Problem]
    ) -> None:
        self._note(f"{root}: sources", ("", ""), told, list(found), problems)

    def save(self, secrets: Iterable[str]) -> None:
        """Write all, if some are other ones; none where a secret stands in one.

        Not while files change: whoever edits one after the other would pay for all of them each time.
        """
        others = self.missed + len(self.kept.keys() - self.now.keys())
        is_first = self.cache.parsed > self.count * KNOWN_SHARE
        slack = len(self.now) * SLACK if self.cache.parsed else 0
        if self.path is None or is_first or others <= slack:
            return
        content = _dumped(self.now)
        if not any(secret.encode() in content for secret in secrets if secret):
            write_stamped(self.path, self.stamp, content)

    def _again(
        self, key: str, file: File | None, told: Sequence[Node], problems: list[Problem]
    ) -> Any:
        self.count += 1
        found = self.kept.get(key)
        if found is None or found[2] != self._origins(told):
            return None
        if file is not None and found[1] != self.cache.same(file, found[0]):
            return None
        self.now[key] = found
        problems += found[4]
        return found[3]

    def _note(
        self,
        key: str,
        known: tuple[str, str | None],
        told: Sequence[Node],
        thing: Any,
        problems: Sequence[Problem],
        front: Node | None = None,
    ) -> None:
        (kind, digest), origins = known, self._origins(told)
        nodes = told if front is None else [*told, front]
        if origins is None or digest is None or any(has_braces(node.value) for node in nodes):
            return
        self.missed += 1
        self.now[key] = (kind, digest, origins, thing, tuple(problems))

    def _origins(self, told: Sequence[Node]) -> Origins | None:
        """None where something else than a YAML file may speak."""
        if told and not self.only_yaml:
            return None
        found: dict[str, str] = {}
        for node in told:
            digest = self.cache.digest(node.file, "yaml")
            if digest is None:
                return None
            found[node.file] = digest
        return tuple(found.items())


def recalled(root: str, ground: Ground, cache: Cache) -> Recalled:
    """What can be recalled in a project, where facts are kept at all."""
    if cache.path is None:
        return Recalled(None, "", cache)
    name = NAME.format(content_hash(ground.target.name.encode())[:8])
    path, stamp = os.path.join(root, FOLDER, name), f"{cache.stamp} {_stamp_of(ground)}"
    with suppress(Exception):  # whatever stands there: it is read anew
        if content := read_stamped(path, stamp)[0]:
            return Recalled(path, stamp, cache, _Ours(io.BytesIO(content)).load())
    return Recalled(path, stamp, cache)


def _stamp_of(ground: Ground) -> str:
    """Moves with all that a model without braces takes from there, which has no use for vars."""
    folders = [
        (folder, key, [(node.file, node.path, node.value, node.at) for node in nodes])
        for folder, layered in ground.folders.items()
        for key, nodes in layered.nodes.items()
    ]
    config = replace(ground.config, vars={})
    said = (config, ground.target, folders, dict(ground.placed), dict(ground.dialects))
    return content_hash(repr(said).encode())


class _Dumping(pickle.Pickler):
    """Our classes as calls with all of their fields: the usual way sets them by name, one after the other."""

    def reducer_override(self, thing: Any) -> Any:
        kind = type(thing)
        if is_dataclass(kind):
            return kind, tuple(getattr(thing, each.name) for each in fields(kind))
        if isinstance(thing, Enum):  # by value on every Python; 3.11.2 would ask for getattr
            return kind, (thing.value,)
        if isinstance(thing, type) or kind in VALUES:
            return NotImplemented
        raise pickle.PicklingError(f"{kind} is none of ours")


class _Ours(pickle.Unpickler):
    """Makes values, our dataclasses and enums; whatever else is named in a file is refused."""

    def find_class(self, module: str, name: str) -> Any:
        if module.startswith(OURS) or (module, name) in {
            (v.__module__, v.__name__) for v in VALUES
        }:
            found = super().find_class(module, name)
            if found in VALUES or (
                isinstance(found, type) and (is_dataclass(found) or issubclass(found, Enum))
            ):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is none of ours")


def _dumped(found: Mapping[str, Kept]) -> bytes:
    try:
        return _dump(found)
    except (pickle.PicklingError, RecursionError):
        return _dump({key: kept for key, kept in found.items() if _can_be_kept(kept)})


def _can_be_kept(kept: Kept) -> bool:
    try:
        return bool(_dump(kept))
    except (pickle.PicklingError, RecursionError):
        return False


def _dump(thing: Any) -> bytes:
    stream = io.BytesIO()
    _Dumping(stream, 5).dump(thing)
    return stream.getvalue()
