"""`op: models/file.py:name` and `args:` of a job -> a JobOp, once its file is seen to have such an op.

What a file defines is read from its text, and kept; nothing is imported before the op is called. Only
what the text says for sure is held against it: an op that is imported or assigned may take anything.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

from sqlpipes.core.errors import Location, Problem, did_you_mean, near_or_all
from sqlpipes.core.job import JobOp
from sqlpipes.read.cache import Cache
from sqlpipes.read.files import one_file
from sqlpipes.read.marked import Node

UNKNOWN = "JOB012"


def job_op(said: str, node: Node, args: Node | None, root: str, problems: list[Problem]) -> JobOp:
    """`file.py:name`, or the name of an op that is bound in the file of the job itself."""
    file, colon, name = said.rpartition(":")
    file = file if colon else node.file if node.file.endswith(".py") else ""
    path = os.path.join(root, file)
    if not file:
        hint = f"write it as models/file.py:{name}"
        problems.append(Problem("JOB005", f"in which file is the op '{said}'?", node.at, hint))
    elif not os.path.isfile(path):
        problems.append(Problem("JOB005", f"there is no file '{file}'", node.at))
    given = args.value if args is not None and isinstance(args.value, dict) else {}
    return JobOp(name, _loader(path, root, name), given, file)


def op_faults(op: JobOp, node: Node, args: Node | None, root: str, cache: Cache) -> list[Problem]:
    """JOB012 for an op that its file does not have, and for args that it does not take."""
    file = one_file(root, op.file) if op.file else None
    if file is None or not file.path.endswith(".py"):
        return []
    facts = cache.facts(file, "ops", _facts)
    ops, others = facts.get("ops", {}), facts.get("others", [])
    if op.name in ops:
        return _args_faults(op, ops[op.name], node, args)
    if facts.get("problems") or facts.get("open") or op.name in others:
        return []
    plain = op.name in facts.get("functions", [])
    hint = "write @op above it" if plain else near_or_all(op.name, list(ops), "write @op above it")
    return [Problem(UNKNOWN, f"{op.file} has no op '{op.name}'", node.at, hint)]


def _args_faults(op: JobOp, takes: Any, node: Node, args: Node | None) -> list[Problem]:
    found = []
    known = list(takes["names"])
    for key, below in args.entries() if args is not None else ():
        if key not in known and not takes["any"]:
            message = f"the op '{op.name}' takes no '{key}'"
            hint = near_or_all(key, known, "it takes nothing")
            found.append(Problem(UNKNOWN, message, below.key_at, hint))
    for name in takes["needs"]:
        if name not in op.args:
            at: Location = args.key_at if args is not None else node.at
            message = f"the op '{op.name}' needs '{name}', and `args` has none"
            found.append(Problem(UNKNOWN, message, at, f"write it as args: {{{name}: ...}}"))
    return found


def _facts(text: str, path: str) -> dict[str, Any]:
    """{"ops": {name: what it takes}, "functions", "others": names bound otherwise, "open": any}."""
    import ast

    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return {"open": True}  # told where Python files are read
    ops: dict[str, Any] = {}
    functions, others, is_open = [], [], False
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            functions.append(node.name)
            for decorator in node.decorator_list:
                _note_op(node, decorator, ops)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [each.asname or each.name for each in node.names]
            others += names
            is_open = is_open or "*" in names
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            others.append(node.id)
    return {"ops": ops, "functions": functions, "others": others, "open": is_open}


def _note_op(function: Any, decorator: Any, ops: dict[str, Any]) -> None:
    import ast

    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    if (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) != "op":
        return
    takes = _takes(function.args)
    if len(function.decorator_list) > 1:  # another decorator may take other things
        takes = {"names": [], "needs": [], "any": True}
    ops[function.name] = takes
    for given in decorator.keywords if isinstance(decorator, ast.Call) else ():
        if given.arg == "name" and isinstance(given.value, ast.Constant):
            ops[str(given.value.value)] = takes


def _takes(said: Any) -> dict[str, Any]:
    plain = [*said.posonlyargs, *said.args]
    needed = plain[: len(plain) - len(said.defaults)]
    only = zip(said.kwonlyargs, said.kw_defaults, strict=True)
    needed += [each for each, default in only if default is None]
    return {
        "names": [each.arg for each in (*said.args, *said.kwonlyargs)],
        "needs": [each.arg for each in needed],
        "any": said.kwarg is not None,
    }


def _loader(path: str, root: str, name: str) -> Callable[[], Callable[..., Any]]:
    def load() -> Callable[..., Any]:
        from sqlpipes.read.python.importing import load_function

        found: Callable[..., Any] = load_function(path, root, partial(_op_of, name=name))
        return found

    return load


def _op_of(module: ModuleType, name: str) -> Any:
    """The op of that name. LookupError when the module has none."""
    from sqlpipes.core.definitions import OpFunction

    known: Mapping[str, Any] = vars(module)
    ops = {each.definition.name: each for each in known.values() if isinstance(each, OpFunction)}
    found = ops.get(name) or known.get(name)
    if isinstance(found, OpFunction):
        return found
    hint = did_you_mean(name, ops) or "write @op above it"
    raise LookupError(f"{os.path.basename(str(module.__file__))} has no op '{name}': {hint}")
