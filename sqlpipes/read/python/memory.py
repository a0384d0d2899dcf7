"""Definitions that somebody has in hand, in a test or a notebook -> what a file that lists them declares.

Nothing is imported and nothing is cached: the functions are there. Their text is looked up for places
and for what they mean; where there is none, as in a string that was executed, their bytecode counts.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from types import CodeType
from typing import Any

from sqlpipes.core.asset import PythonBody
from sqlpipes.core.definitions import Definitions, Entry, SqlAsset, resource_definition
from sqlpipes.core.definitions.sensors import SensorFunction
from sqlpipes.read.ground import Ground
from sqlpipes.read.marked import Node
from sqlpipes.read.observers import Observer
from sqlpipes.read.python import PythonFile, ReadResource
from sqlpipes.read.python.assets import asset_of, check_of, observer_of
from sqlpipes.read.python.declared import contents_from
from sqlpipes.read.python.found import Found, FoundSql
from sqlpipes.read.python.members import FUNCTIONS, strange, strange_problem
from sqlpipes.read.python.modules import Module, Unit, hashed, is_inside, read_unit
from sqlpipes.read.python.resources import found_resource, maker_of
from sqlpipes.read.python.sensors import sensor_of
from sqlpipes.read.python.source import LINE_END, Text
from sqlpipes.read.python.texts import Texts


def read_definitions(whole: Definitions, ground: Ground) -> PythonFile:
    """What is listed, as if a file had listed it. Each thing counts once, however often it is listed."""
    members = list({id(item): item for item in whole}.values())
    known: dict[str, Text] = {}
    problems = [strange_problem(word, item, None) for word, item in strange(whole)]
    assets, checks, entries, resources = [], [], [], []
    queries: list[FoundSql] = []
    observers: list[Observer] = []
    sensors = []
    for item in members:
        texts = Texts(_unit(_file_of(item), known), known)
        if isinstance(item, (Entry, SqlAsset, SensorFunction, *FUNCTIONS)):
            contents = contents_from([item], texts, ground.config.dialect)
            problems += contents.problems
            queries += contents.queries
            marked = ({k: list(m) for k, m in e.marks.items()} for e in contents.entries)
            for entry, marks in zip(contents.entries, marked, strict=True):
                entries.append((entry.section, Node(entry.file, marks, "", dict(entry.keys))))
                observers += _observers(item, entries[-1][1])
            for sensing in contents.sensors:
                sensors.append(sensor_of(sensing, partial(_itself, _function_of(item))))
            for found in contents.found:
                function = _function_of(item)
                load = partial(_itself, function)
                said = _meant(found, function)
                if found.kind == "observe":
                    observers.append(observer_of(said, load))
                elif found.kind == "check":
                    checks.append(check_of(said, load))
                else:
                    path = os.path.basename(found.file)
                    assets.append(asset_of(said, path, ground, load, problems))
        elif resource_definition(item) is not None:
            resources.append(ReadResource(found_resource(item, texts), partial(maker_of, item)))
    return PythonFile(
        tuple(assets),
        tuple(checks),
        tuple(entries),
        tuple(queries),
        tuple(problems),
        tuple(resources),
        tuple(observers),
        tuple(sensors),
    )


def _observers(item: Any, node: Node) -> Iterator[Observer]:
    """Of source(..., observe=function): the function is in hand."""
    at = node.get("observe")
    if isinstance(item, Entry) and callable(item.function) and at is not None:
        body = PythonBody(str(at.value), (), False, partial(_itself, item.function))
        yield Observer(item.name, body, at.at)


def _function_of(item: Any) -> Callable[..., Any]:
    found: Callable[..., Any] = item.function
    return found


def _itself(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def _file_of(item: Any) -> str:
    if isinstance(item, (Entry, SqlAsset)):
        return item.file
    function = inspect.unwrap(getattr(item, "function", item))
    code = getattr(function, "__code__", None)
    return code.co_filename if isinstance(code, CodeType) else _class_file(function)


def _class_file(given: Any) -> str:
    try:
        return inspect.getfile(given if isinstance(given, type) else type(given))
    except (OSError, TypeError):
        return "<memory>"


def _unit(file: str, known: dict[str, Text]) -> Unit:
    """What the file reaches below the folder that we stand in; itself alone when it is elsewhere."""
    here = os.getcwd()
    if file not in known:
        known[file] = _text(file, here)
    if os.path.isfile(file) and is_inside(file, here):
        try:
            return read_unit(file, here)
        except (OSError, SyntaxError):
            pass
    return Unit(here, Module("memory", file, "", ()), ())


def _text(file: str, here: str) -> Text:
    said = "".join(linecache.getlines(file))
    try:
        tree = ast.parse(said)
    except SyntaxError:  # a cell with magic commands
        said, tree = "", ast.parse("")
    shown = os.path.abspath(file) if os.path.isfile(file) else file
    return Text(shown, tree, tuple(LINE_END.split(said)))


def _meant(found: Found, function: Callable[..., Any]) -> Found:
    """Without a text, what it does is its bytecode."""
    code = inspect.unwrap(function).__code__
    if linecache.getlines(code.co_filename):
        return found
    consts = [each for each in code.co_consts if not isinstance(each, CodeType)]
    return replace(found, meaning=hashed(f"{found.meaning} {code.co_code!r} {consts!r}"))
