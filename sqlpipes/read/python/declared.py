"""A user's imported module -> Contents: what it declares, as plain values, and what is wrong with it."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, replace
from types import ModuleType
from typing import Any

from sqlpipes.core.definitions import Entry, SensorFunction, SqlAsset
from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.partitions import partitioning_plain
from sqlpipes.core.sql import Spot
from sqlpipes.read.python.found import Contents, Found, FoundEntry, FoundSql
from sqlpipes.read.python.functions import found_function
from sqlpipes.read.python.loops import late_bindings
from sqlpipes.read.python.loose import loose_calls, lost_definitions
from sqlpipes.read.python.members import (
    FUNCTIONS,
    definitions_of,
    lists_of,
    members,
    strange,
    strange_problem,
)
from sqlpipes.read.python.resources import own_names, resources_of
from sqlpipes.read.python.sensors import found_sensor
from sqlpipes.read.python.source import (
    Text,
    call_at,
    call_marks,
    is_static,
    literal_spot,
    names_it,
)
from sqlpipes.read.python.texts import Texts


def contents_of(module: ModuleType, texts: Texts, dialect: str) -> Contents:
    """Everything that the module declares. The texts are those that were imported."""
    contents = contents_from(members(module), texts, dialect)
    lost = [each for whole in lists_of(module) for each in strange(whole)]
    at = _list_at(texts.own) if lost else None
    problems = [strange_problem(word, item, at) for word, item in lost]
    if not lists_of(module):
        problems += loose_calls(texts.own, module)
    problems += lost_definitions(texts.own)
    problems += _unbound(contents.entries, module)
    resources = tuple(resources_of(module, texts))
    return replace(contents, resources=resources, problems=(*contents.problems, *problems))


def is_said_by_text(contents: Contents, module: ModuleType, texts: Texts) -> bool:
    """Whether the same text would declare the same at any time, so that it may be kept by content."""
    functions = [found.function for found in contents.found]
    functions += [found.function for found in contents.sensors]
    spans = [each.span for each in members(module) if isinstance(each, (Entry, SqlAsset))]
    own = own_names(texts.unit, module)
    inside = not any(os.path.isabs(each.identity) for each in contents.resources)
    return inside and is_static(texts.own, functions, spans, len(lists_of(module)), own)


def _unbound(entries: Iterable[FoundEntry], module: ModuleType) -> Iterator[Problem]:
    """SRC005 for source(observe=...) of a function that the file has under no such name."""
    for each in entries:
        name = each.keys.get("observe")
        if isinstance(name, str) and not hasattr(module, name):
            line, column, length = (each.marks.get("/observe") or each.marks[""])[:3]
            message = f"'{name}' is no function of this file that could be found again"
            hint = "define it at the top of the file, by a name of its own"
            yield Problem("SRC005", message, Location(each.file, line, column, length), hint)


def _list_at(text: Text) -> Location:
    """Where the file makes its list."""
    calls = (node for node in ast.walk(text.tree) if isinstance(node, ast.Call))
    found = next((call for call in calls if names_it(call.func, "Definitions")), None)
    return text.at(found.func, len("Definitions")) if found else Location(text.file)


def contents_from(
    items: Sequence[Any], texts: Texts, dialect: str, late: str = "PYT005"
) -> Contents:
    """What these functions and entries declare, which stand in the unit's file or are listed there.

    `late`: the code of a problem with a function that sees the last value of a loop.
    """
    found: list[Found] = []
    problems: list[Problem] = []
    for declared in (item for item in items if isinstance(item, FUNCTIONS)):
        faults: list[Problem] = []
        read = [
            found_function(declared, definition, texts, dialect, faults)
            for definition in definitions_of(declared)
        ]
        problems += dict.fromkeys(faults)
        if not any(problem.code == "PYT002" for problem in faults):
            found += read
    functions = [item.function for item in items if isinstance(item, FUNCTIONS)]
    problems += late_bindings(functions, texts, late)
    sensing = [item for item in items if isinstance(item, SensorFunction)]
    sensors = tuple(found_sensor(item, texts, problems) for item in sensing)
    return Contents(
        tuple(found),
        tuple(problems),
        entries=tuple(_entry(item, texts) for item in items if isinstance(item, Entry)),
        queries=tuple(_query(item, texts) for item in items if isinstance(item, SqlAsset)),
        sensors=sensors,
    )


def _entry(said: Entry, texts: Texts) -> FoundEntry:
    file, marks, _ = _called(said, texts)
    return FoundEntry(said.section, {"name": said.name, **said.keys}, file, marks)


def _called(
    said: Entry | SqlAsset, texts: Texts
) -> tuple[str, dict[str, list[int]], ast.Call | None]:
    """The file of the call that made it, the places of what it was given, and the call itself."""
    line = said.span[0] if said.span else 1
    if not os.path.isfile(said.file):  # made without a call, or by code that no file holds
        return texts.own.file, {"": [1, 1, 1]}, None
    text = texts.of(said.file)
    call = call_at(text, said.span) if said.span else None
    return text.file, call_marks(text, call) if call else {"": [line, 1, 1]}, call


def _query(said: SqlAsset, texts: Texts) -> FoundSql:
    file, marks, call = _called(said, texts)
    line, column = marks[""][:2]
    spot = Spot(line, column, exact=False)
    if call and len(call.args) > 1 and said.sql is not None:
        text = texts.of(said.file)
        spot = literal_spot(text, call.args[1], said.sql)
    return FoundSql(
        said.name,
        said.sql,
        said.path,
        file,
        astuple(spot),
        dict(said.keys),
        marks,
        dict(said.names),
        partitioning_plain(said.partition) if said.partition else None,
    )
