"""A user's imported module -> what it declares: the objects themselves, in its order."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from sqlpipes.core.definitions import (
    AssetDefinition,
    AssetFunction,
    AssetsFunction,
    CheckDefinition,
    CheckFunction,
    Definitions,
    Entry,
    ObserveDefinition,
    ObserveFunction,
    SensorFunction,
    SqlAsset,
)
from sqlpipes.core.errors import Location, Problem

Declared = (
    AssetFunction[..., Any]
    | AssetsFunction[..., Any]
    | CheckFunction[..., Any]
    | ObserveFunction[..., Any]
)
Definition = AssetDefinition | CheckDefinition | ObserveDefinition
LISTED = (
    "assets",
    "checks",
    "sources",
    "observers",
    "jobs",
    "sensors",
)  # words under which only ours stand
OURS = "sqlpipes."
FUNCTIONS = (AssetFunction, AssetsFunction, CheckFunction, ObserveFunction)
KIND_WORDS = (
    (AssetFunction, "assets"),
    (AssetsFunction, "assets"),
    (SqlAsset, "assets"),
    (CheckFunction, "checks"),
    (ObserveFunction, "observers"),
    (SensorFunction, "sensors"),
)
WORDS = {"sources": ("sources",), "jobs": ("jobs",)}  # section of an entry -> where it is listed
KINDS = {CheckFunction: "check", ObserveFunction: "observe"}


def declarations(module: ModuleType) -> list[Declared]:
    """The functions that a module declares as assets or checks, in its order."""
    return [item for item in members(module) if isinstance(item, FUNCTIONS)]


def members(module: ModuleType) -> list[Any]:
    """What a module declares, in its order: what its Definitions list, else all of ours that it has
    bound to a name, or in a list or dict bound to one. What it only imports is not its own."""
    bound = list(vars(module).values())
    lists = lists_of(module)
    listed = [item for whole in lists for item in whole]
    every = listed if lists else [item for value in bound for item in flat(value)]
    borrowed = _lies_elsewhere if lists else _borrowed
    found: list[Any] = []
    for item in every:
        ours = isinstance(item, (*FUNCTIONS, SensorFunction, Entry, SqlAsset))
        if ours and not any(item is other for other in found) and not borrowed(item, module):
            found.append(item)
    return found


def lists_of(module: ModuleType) -> list[Definitions]:
    """The explicit lists that it binds."""
    return [value for value in vars(module).values() if isinstance(value, Definitions)]


def declared_as(module: ModuleType, kind: str, name: str) -> Declared:
    """The asset or check of that name. LookupError when the module has none (any more)."""
    for item in declarations(module):
        if KINDS.get(type(item), "asset") != kind:
            continue
        if any(definition.name == name for definition in definitions_of(item)):
            return item
    raise LookupError(f"{module.__name__} declares no {kind} '{name}'")


def sensor_named(module: ModuleType, name: str) -> SensorFunction[..., Any]:
    """The sensor of that name. LookupError when the module declares none (any more)."""
    for item in members(module):
        if isinstance(item, SensorFunction) and item.definition.name == name:
            return item
    raise LookupError(f"{module.__name__} declares no sensor '{name}'")


def definitions_of(declared: Declared) -> tuple[Definition, ...]:
    """What a decorated function declares: one thing, or several assets."""
    if isinstance(declared, AssetsFunction):
        return declared.definition
    return (declared.definition,)


def strange(whole: Definitions) -> list[tuple[str, Any]]:
    """What a list names that is nothing of ours, with the word that it stands under."""
    listed = [(word, item) for word in LISTED for item in getattr(whole, word)]
    return [(word, item) for word, item in listed if not _belongs(item, word)]


def _belongs(item: Any, word: str) -> bool:
    """Whether it is ours, and not known to be of another kind than the word says."""
    if isinstance(item, Entry):
        return item.section not in WORDS or word in WORDS[item.section]
    kinds = [said for kind, said in KIND_WORDS if isinstance(item, kind)]
    return word in kinds if kinds else type(item).__module__.startswith(OURS)


def strange_problem(word: str, item: Any, at: Location | None) -> Problem:
    what = getattr(item, "__name__", None) or repr(item)[:40]
    message = f"Definitions({word}=[...]) lists {what}, which is none"
    hints = {
        "assets": "@asset",
        "checks": "@check(asset=...)",
        "observers": "@observe(source=...)",
        "sensors": "@sensor(select=...)",
    }
    right = next((said for kind, said in KIND_WORDS if isinstance(item, kind)), None)
    if right is not None:
        return Problem("DEF001", message, at, f"list it under {right}=[...]")
    hint = f"put {hints[word]} above it" if word in hints and callable(item) else None
    return Problem("DEF001", message, at, hint)


def flat(value: Any) -> Iterator[Any]:
    """The members of a list or dict, or the value itself."""
    if type(value) in (list, tuple, set, frozenset):
        yield from value
    elif type(value) is dict:
        yield from value.values()
    else:
        yield value


def _lies_elsewhere(item: Any, module: ModuleType) -> bool:
    """Of what is listed: whether the file that it stands in declares it. One outside of the model
    folders, which nobody reads for what it declares, does not."""
    if isinstance(item, (Entry, SqlAsset)) or not _borrowed(item, module):
        return _borrowed(item, module)
    root = getattr(module, "__sqlpipes_root__", "")
    home = getattr(sys.modules.get(item.function.__module__), "__file__", None) or ""
    tops = {
        os.path.relpath(f, root).split(os.sep)[0] for f in (home, module.__file__ or "") if root
    }
    return len(tops) == 1


def _borrowed(item: Any, module: ModuleType) -> bool:
    """Whether another module of the project declares it, and this one only imports it."""
    if isinstance(item, (Entry, SqlAsset)):
        homes = [m for m in list(sys.modules.values()) if getattr(m, "__file__", "") == item.file]
        others = [home for home in homes if home is not module]
        return any(item is value for home in others for value in vars(home).values())
    home = sys.modules.get(item.function.__module__)
    if home is None or home is module:
        return False
    return getattr(home, item.function.__name__, None) is item
