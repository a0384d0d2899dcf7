"""A user's imported module -> the assets and checks that it declares, as plain values."""

from __future__ import annotations

import ast
import inspect
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, replace
from functools import partial
from types import ModuleType
from typing import Any

from sqlpipes.core.asset import Materialized
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
    SqlAsset,
)
from sqlpipes.core.definitions.sensors import SensorFunction
from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.partitions import partitioning_plain
from sqlpipes.core.sql import Spot
from sqlpipes.read.python.fields import config_fields, resource_classes
from sqlpipes.read.python.found import Contents, Found, FoundEntry, FoundSql, Named
from sqlpipes.read.python.handles import CONTEXT, Find
from sqlpipes.read.python.loose import loose_calls
from sqlpipes.read.python.meaning import meaning, normal_form
from sqlpipes.read.python.modules import Unit, hashed
from sqlpipes.read.python.queries import Seen, asks_what_is_there, seen_in, written_files
from sqlpipes.read.python.sensors import found_sensor
from sqlpipes.read.python.source import (
    Function,
    Text,
    call_at,
    call_marks,
    decorator_marks,
    decorator_value,
    function_at,
    literal_marks,
    literal_spot,
    names_it,
    out_value,
    parameters_at,
    read_text,
    returns_only,
)

Declared = (
    AssetFunction[..., Any]
    | AssetsFunction[..., Any]
    | CheckFunction[..., Any]
    | ObserveFunction[..., Any]
)
Definition = AssetDefinition | CheckDefinition | ObserveDefinition
LISTED = ("assets", "checks", "sources", "observers", "jobs")  # words under which only ours stand
OURS = "sqlpipes."
FUNCTIONS = (AssetFunction, AssetsFunction, CheckFunction, ObserveFunction)
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


def strange(whole: Definitions) -> list[tuple[str, Any]]:
    """What a list names that is nothing of ours, with the word that it stands under."""
    listed = [(word, item) for word in LISTED for item in getattr(whole, word)]
    return [(word, item) for word, item in listed if not type(item).__module__.startswith(OURS)]


def strange_problem(word: str, item: Any, at: Location | None) -> Problem:
    what = getattr(item, "__name__", None) or repr(item)[:40]
    message = f"Definitions({word}=[...]) lists {what}, which is none"
    hints = {
        "assets": "@asset",
        "checks": "@check(asset=...)",
        "observers": "@observe(source=...)",
    }
    hint = f"put {hints[word]} above it" if word in hints and callable(item) else None
    return Problem("DEF001", message, at, hint)


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


def contents_of(unit: Unit, module: ModuleType, dialect: str) -> Contents:
    """Everything that the module declares. The unit's texts are those that were imported."""
    texts: dict[str, Text] = {}
    contents = contents_from(members(module), unit, dialect, texts)
    lost = [each for whole in lists_of(module) for each in strange(whole)]
    at = _list_at(text_of(unit.module.file, unit.root, texts)) if lost else None
    problems = [strange_problem(word, item, at) for word, item in lost]
    if not lists_of(module):
        problems += loose_calls(text_of(unit.module.file, unit.root, texts), module)
    problems += _unbound(contents.entries, module)
    return replace(contents, problems=(*contents.problems, *problems))


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
    items: Sequence[Any], unit: Unit, dialect: str, texts: dict[str, Text]
) -> Contents:
    """What these functions and entries declare, which stand in the unit's file or are listed there."""
    around = _surroundings(unit, texts)
    find = partial(_text_of_module, unit, texts)
    found: list[Found] = []
    problems: list[Problem] = []
    for declared in (item for item in items if isinstance(item, FUNCTIONS)):
        faults: list[Problem] = []
        read = [
            _read(declared, definition, unit, texts, around, dialect, find, faults)
            for definition in definitions_of(declared)
        ]
        problems += dict.fromkeys(faults)
        if not any(problem.code == "PYT002" for problem in faults):
            found += read
    said = (item for item in items if isinstance(item, Entry))
    entries = tuple(_entry(item, unit, texts) for item in said)
    queries = tuple(_query(item, unit, texts) for item in items if isinstance(item, SqlAsset))
    sensors = tuple(
        found_sensor(item, partial(text_of, root=unit.root, texts=texts), problems)
        for item in items
        if isinstance(item, SensorFunction)
    )
    return Contents(tuple(found), tuple(problems), entries, sensors=sensors, queries=queries)


def _entry(said: Entry, unit: Unit, texts: dict[str, Text]) -> FoundEntry:
    file, marks, _ = _called(said, unit, texts)
    return FoundEntry(said.section, {"name": said.name, **said.keys}, file, marks)


def _called(
    said: Entry | SqlAsset, unit: Unit, texts: dict[str, Text]
) -> tuple[str, dict[str, list[int]], ast.Call | None]:
    """The file of the call that made it, the places of what it was given, and the call itself."""
    line = said.span[0] if said.span else 1
    if not os.path.isfile(said.file):  # made without a call, or by code that no file holds
        own = text_of(unit.module.file, unit.root, texts)
        return own.file, {"": [1, 1, 1]}, None
    text = text_of(said.file, unit.root, texts)
    call = call_at(text, said.span) if said.span else None
    return text.file, call_marks(text, call) if call else {"": [line, 1, 1]}, call


def _query(said: SqlAsset, unit: Unit, texts: dict[str, Text]) -> FoundSql:
    file, marks, call = _called(said, unit, texts)
    line, column = marks[""][:2]
    spot = Spot(line, column, exact=False)
    if call and len(call.args) > 1 and said.sql is not None:
        text = text_of(said.file, unit.root, texts)
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


def text_of(file: str, root: str, texts: dict[str, Text]) -> Text:
    """The parsed text of a file of the project, parsed once."""
    if file not in texts:
        with open(file, "rb") as stream:
            relative = os.path.relpath(file, root).replace(os.sep, "/")
            texts[file] = read_text(stream.read(), relative)
    return texts[file]


def _text_of_module(unit: Unit, texts: dict[str, Text], name: str) -> Text | None:
    """By a dotted name as an import says it: a relative one begins with dots."""
    wanted = name.lstrip(".")
    every = {unit.module.name: unit.module, **unit.reached}
    found = every.get(name) or next(
        (module for dotted, module in every.items() if dotted.endswith(f".{wanted}")), None
    )
    return text_of(found.file, unit.root, texts) if found else None


def _surroundings(unit: Unit, texts: dict[str, Text]) -> str:
    """The code of every other file that the module reaches, in a normal form."""
    said = [
        f"{name}\n{normal_form(text_of(module.file, unit.root, texts).tree.body)}"
        for name, module in sorted(unit.reached.items())
    ]
    return "\n".join(said)


def _is_alone(unit: Unit) -> bool:
    """Whether nothing that the file reaches imports it in turn."""
    name = unit.module.name
    last = name.rpartition(".")[2]
    every = (imported for module in unit.reached.values() for imported in module.imports)
    return not any(imported in (name, last) or imported.endswith(f".{last}") for imported in every)


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


def _read(
    declared: Declared,
    definition: Definition,
    unit: Unit,
    texts: dict[str, Text],
    around: str,
    dialect: str,
    find: Find,
    problems: list[Problem],
) -> Found:
    function = inspect.unwrap(declared.function)
    code = function.__code__
    text = text_of(code.co_filename, unit.root, texts)
    node = function_at(text, function.__name__, code.co_firstlineno)
    at = text.name_at(node) if node is not None else Location(text.file, code.co_firstlineno)
    own = text_of(unit.module.file, unit.root, texts)
    top = (
        node
        if node is not None and text is own and "<locals>" not in function.__qualname__
        else None
    )
    if isinstance(definition, ObserveDefinition):
        return _as_observer(definition, function, at, problems)
    parameters, takes_context = _parameters(declared, at, problems)
    taken = resource_classes(function, unit.root)
    parameters = [name for name in parameters if name not in taken]
    places = parameters_at(text, node) if node is not None else {}
    inputs = [_named(name, places.get(name, at)) for name in parameters]
    code = [meaning(own, top, alone=_is_alone(unit)), around]
    code += _captured(function, definition.name, top)
    found = Found(
        kind="asset" if isinstance(definition, AssetDefinition) else "check",
        name=definition.name,
        function=function.__name__,
        file=text.file,
        at=[at.line, at.column, at.length],
        parameters=parameters,
        takes_context=takes_context,
        meaning=hashed("\n".join(code)),
        inputs=inputs,
        description=definition.description or inspect.getdoc(declared.function) or "",
        tags=list(definition.tags),
        resources=taken,
    )
    seen = Seen()
    if node is not None and takes_context:
        seen = seen_in(text, node, dialect, _says_deps(node), find)
        problems += seen.problems
    found = _inputs(found, definition, seen, text, node, at)
    if isinstance(definition, CheckDefinition):
        return replace(
            found,
            asset=definition.asset,
            severity=definition.severity.value,
            whole_table=definition.whole_table,
        )
    if node is not None:
        written = [*written_files(text, node), *seen.written]
        said = [definition.path] if definition.path else list(dict.fromkeys(written))
        found = replace(found, written=said)
    return _as_asset(found, declared, definition, text, node)


def _as_observer(
    definition: ObserveDefinition, function: Any, at: Location, problems: list[Problem]
) -> Found:
    """PYT002 for a parameter that nobody could give it."""
    for name, parameter in inspect.signature(function).parameters.items():
        if name != CONTEXT and parameter.default is parameter.empty:
            message = f"an observing function has no parameter '{name}'"
            problems.append(Problem("PYT002", message, at, "it may take `context` only"))
    return Found(
        kind="observe",
        name=definition.name,
        function=function.__name__,
        file=at.file,
        at=[at.line, at.column, at.length],
        parameters=[],
        takes_context=False,
        meaning="",
        inputs=[],
        asset=definition.source,
    )


def _inputs(
    found: Found,
    definition: AssetDefinition | CheckDefinition,
    seen: Seen,
    text: Text,
    node: Function | None,
    at: Location,
) -> Found:
    """Found with its declared inputs and those of its SQL, each name once, the first place counting."""
    places = {
        item.value: text.at(item, len(str(item.value)) + 2)
        for keyword in ("depends_on", "deps")
        for item in ast.walk(decorator_value(node, keyword) or ast.Pass())
        if isinstance(item, ast.Constant)
    }
    inputs = [*found.inputs, *(_named(name, places.get(name, at)) for name in definition.deps)]
    inputs += [_named(dep.name, dep.at or at, declared=False) for dep in seen.tables]
    return replace(
        found,
        inputs=list({named[0]: named for named in reversed(inputs)}.values())[::-1],
        files=[_named(each.name, each.at or at) for each in seen.files],
        paths=[_named(each.name, each.at or at) for each in seen.paths],
    )


def _says_deps(node: Function) -> bool:
    """Also when it says that there are none."""
    return any(decorator_value(node, keyword) is not None for keyword in ("deps", "depends_on"))


def _as_asset(
    found: Found,
    declared: Declared,
    definition: AssetDefinition,
    text: Text,
    node: Function | None,
) -> Found:
    cut = definition.partition
    several = isinstance(declared, AssetsFunction)
    checks = out_value(node, found.name, "checks") if several else decorator_value(node, "checks")
    out = out_value(node, found.name) if several else None
    at = text.at(out, len(found.name) + 2) if out is not None else None
    return replace(
        found,
        materialized=_materialized(declared.function, definition, node).value,
        schema=definition.schema,
        at=[at.line, at.column, at.length] if at else found.at,
        meaning=hashed(f"version {definition.version}") if definition.version else found.meaning,
        owners=list(definition.owners),
        kinds=list(definition.kinds),
        config=config_fields(declared.function, text, node, found.at),
        retry=list(astuple(definition.retry)),
        timeout_s=definition.timeout_s,
        family=f"{found.file}:{found.function}" if several else "",
        group=definition.group,
        meta=dict(definition.meta),
        links=dict(definition.links),
        places=_places_of_texts(text, node, found.name),
        partition=partitioning_plain(cut) if cut else None,
        kept=dict(definition.kept),
        kept_marks={**decorator_marks(text, node), "": found.at},
        asks=node is not None and asks_what_is_there(text, node),
        checks=list(definition.checks),
        check_marks=literal_marks(text, checks) if checks is not None else {"": found.at},
        auto=definition.auto,
        auto_marks=_auto_marks(text, node),
        mappings={
            name: [how.how.value, how.back, how.ahead] for name, how in definition.inputs.items()
        },
    )


def _places_of_texts(text: Text, node: Function | None, name: str) -> dict[str, list[int]]:
    """Where the owners and links stand that the decorator, or an Out in it, was given."""
    found: dict[str, list[int]] = {}
    for keyword in ("owner", "owners", "links"):
        for value in (decorator_value(node, keyword), out_value(node, name, keyword)):
            for below in ast.walk(value) if value is not None else ():
                if isinstance(below, ast.Constant) and isinstance(below.value, str):
                    at = text.at(below, (below.end_col_offset or 0) - below.col_offset)
                    found[below.value] = [at.line, at.column, at.length]
    return found


def _auto_marks(text: Text, node: Function | None) -> dict[str, list[int]]:
    said = decorator_value(node, "auto")
    return literal_marks(text, said) if said is not None else {}


def _named(name: str, at: Location, *, declared: bool = True) -> Named:
    return [name, at.file, at.line, at.column, at.length, declared]


def _parameters(
    declared: Declared, at: Location, problems: list[Problem]
) -> tuple[list[str], bool]:
    """(names of the assets to pass in, whether it wants the context). PYT002 when it cannot be called."""
    names: list[str] = []
    takes_context = False
    if inspect.iscoroutinefunction(declared.function) or inspect.isasyncgenfunction(
        declared.function
    ):
        hint = "write `def`, and asyncio.run(...) inside it"
        problems.append(Problem("PYT002", "an async function cannot be an asset", at, hint))
    for name, parameter in inspect.signature(declared.function).parameters.items():
        if name == CONTEXT:
            takes_context = True
        elif parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        elif parameter.default is parameter.empty:
            names.append(name)
        if parameter.kind is parameter.POSITIONAL_ONLY:
            message = f"parameter '{name}' cannot be passed by name"
            problems.append(Problem("PYT002", message, at, "drop the / from the parameters"))
    return names, takes_context


def _materialized(
    function: Any, definition: AssetDefinition, node: Function | None
) -> Materialized:
    if definition.materialized is not None:
        return definition.materialized
    return Materialized.FILE if definition.path else _returned(function, node)


def _returned(function: Any, node: Function | None) -> Materialized:
    """What the return value's annotation says: -> File, -> None, or anything else, a table.

    Without one, a function that returns nothing but File(...) is a file.
    """
    said = getattr(inspect.unwrap(function), "__annotations__", {}).get("return", "")
    if said == "" and node is not None and returns_only(node, "File"):
        return Materialized.FILE
    if said is None or said in ("None", type(None)):
        return Materialized.NONE
    name = said if isinstance(said, str) else getattr(said, "__name__", str(said))
    return Materialized.FILE if re.search(r"\bFile\b", name) else Materialized.TABLE


def _captured(function: Any, name: str, top: Function | None) -> list[str]:
    """What tells functions of one factory apart: their names, and plain values that they hold."""
    if top is not None:
        return []
    cells = [cell.cell_contents for cell in function.__closure__ or () if _is_filled(cell)]
    defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    plain = (bool, int, float, str, bytes, tuple, list, dict, type(None))
    return [
        name,
        *(repr(v) for v in [*cells, *defaults] if isinstance(v, plain)),
    ]


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False
