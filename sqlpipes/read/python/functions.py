"""A decorated function + the text that it stands in -> Found: what it declares, as plain values."""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import astuple, replace
from typing import Any

from sqlpipes.core.asset import Materialized
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions import (
    AssetDefinition,
    AssetsFunction,
    CheckDefinition,
    ObserveDefinition,
)
from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.partitions import partitioning_plain
from sqlpipes.read.python.fields import config_fields, resource_classes
from sqlpipes.read.python.found import Found, Named
from sqlpipes.read.python.handles import CONTEXT
from sqlpipes.read.python.meaning import meaning
from sqlpipes.read.python.members import Declared, Definition
from sqlpipes.read.python.modules import hashed
from sqlpipes.read.python.queries import Seen, asks_what_is_there, seen_in, written_files
from sqlpipes.read.python.source import (
    Function,
    Text,
    decorator_marks,
    decorator_value,
    function_at,
    literal_marks,
    out_value,
    parameters_at,
    returns_only,
)
from sqlpipes.read.python.texts import Texts


@dataclass(frozen=True, slots=True)
class Written:
    """Where a function is written. No node: no text has it, as of one that is made by `exec`."""

    function: Any
    text: Text
    node: Function | None
    at: Location  # of its name
    stands_alone: bool  # at the top level of the unit's own file


def written(function: Any, texts: Texts) -> Written:
    function = inspect.unwrap(function)
    code = function.__code__
    text = texts.of(code.co_filename)
    node = function_at(text, function.__name__, code.co_firstlineno)
    at = text.name_at(node) if node is not None else Location(text.file, code.co_firstlineno)
    top = node is not None and text is texts.own and "<locals>" not in function.__qualname__
    return Written(function, text, node, at, top)


def found_function(
    declared: Declared,
    definition: Definition,
    texts: Texts,
    dialect: str,
    problems: list[Problem],
) -> Found:
    """What one definition of a decorated function says. PYT002 when it cannot be called."""
    where = written(declared.function, texts)
    if isinstance(definition, ObserveDefinition):
        return _as_observer(definition, where, problems)
    found = _as_called(declared, definition, where, texts, problems)
    seen = Seen()
    if where.node is not None and found.takes_context:
        said = _says_deps(where.node)
        seen = seen_in(where.text, where.node, dialect, said, texts.of_module)
        problems += seen.problems
    found = _inputs(found, definition, seen, where)
    if isinstance(definition, CheckDefinition):
        return _as_check(found, definition)
    if where.node is not None:
        files = [*written_files(where.text, where.node), *seen.written]
        paths = [definition.path] if definition.path else list(dict.fromkeys(files))
        found = replace(found, written=paths, path=definition.path or "")
    return _as_asset(found, declared, definition, where)


def _as_called(
    declared: Declared,
    definition: AssetDefinition | CheckDefinition,
    where: Written,
    texts: Texts,
    problems: list[Problem],
) -> Found:
    """What its parameters and its code say."""
    parameters, takes_context = _parameters(declared, where.at, problems)
    taken = resource_classes(where.function, texts.unit.root)
    parameters = [name for name in parameters if name not in taken]
    places = parameters_at(where.text, where.node) if where.node is not None else {}
    top = where.node if where.stands_alone else None
    code = [meaning(texts.own, top, alone=texts.is_alone), texts.around]
    code += _captured(where.function, definition.name, top)
    return Found(
        kind="asset" if isinstance(definition, AssetDefinition) else "check",
        name=definition.name,
        function=where.function.__name__,
        file=where.text.file,
        at=[where.at.line, where.at.column, where.at.length],
        parameters=parameters,
        takes_context=takes_context,
        meaning=hashed("\n".join(code)),
        inputs=[_named(name, places.get(name, where.at)) for name in parameters],
        description=definition.description or inspect.getdoc(declared.function) or "",
        tags=list(definition.tags),
        resources=taken,
    )


def _as_check(found: Found, definition: CheckDefinition) -> Found:
    return replace(
        found,
        asset=definition.asset,
        severity=definition.severity.value,
        whole_table=definition.whole_table,
    )


def _as_observer(definition: ObserveDefinition, where: Written, problems: list[Problem]) -> Found:
    """PYT002 for a parameter that nobody could give it."""
    at = where.at
    for name, parameter in inspect.signature(where.function).parameters.items():
        if name != CONTEXT and parameter.default is parameter.empty:
            message = f"an observing function has no parameter '{name}'"
            problems.append(Problem("PYT002", message, at, "it may take `context` only"))
    return Found(
        kind="observe",
        name=definition.name,
        function=where.function.__name__,
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
    where: Written,
) -> Found:
    """Found with its declared inputs and those of its SQL, each name once, the first place counting."""
    at = where.at
    places = {
        item.value: where.text.at(item, len(str(item.value)) + 2)
        for keyword in ("depends_on", "deps")
        for item in ast.walk(decorator_value(where.node, keyword) or ast.Pass())
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
    where: Written,
) -> Found:
    text, node = where.text, where.node
    cut = definition.partition
    several = isinstance(declared, AssetsFunction)
    checks = out_value(node, found.name, "checks") if several else decorator_value(node, "checks")
    out = out_value(node, found.name) if several else None
    at = text.at(out, len(found.name) + 2) if out is not None else None
    return replace(
        found,
        materialized=_materialized(declared.function, definition, node).value,
        schema=definition.schema,
        engine=definition.engine,
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
