"""Checks as users write them -> Check values. The table KINDS is the list of what can be asked.

Arguments that reach `run/checks.py`: not_null{column}, unique{columns}, accepted_values{column, values},
relationships{column, to, field}, row_count{min?, max?}, expression{expression},
freshness{column, max_age_s}, range{column, min?, max?}, matches{column, pattern}.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sqlpipes.core.asset import Check
from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, Severity, did_you_mean
from sqlpipes.core.hiding import name_without
from sqlpipes.read.marked import Node
from sqlpipes.read.settings import flag, plain_reference, text, texts, wrong

Arguments = dict[str, Plain]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a check must and may be told. `short` is the argument that a bare value stands for."""

    needed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    short: str | None = None


KINDS = {
    "not_null": Kind(("column",), short="column"),
    "unique": Kind(("columns",), short="columns"),
    "accepted_values": Kind(("column", "values"), ("quote",)),
    "relationships": Kind(("column", "to"), ("field",)),
    "row_count": Kind((), ("min", "max", "equals")),
    "not_empty": Kind(),
    "expression": Kind(("expression",), short="expression"),
    "freshness": Kind(("column", "max_age")),
    "range": Kind(("column",), ("min", "max")),
    "matches": Kind(("column", "pattern")),
}
OTHER_NAMES = {
    "dbt_utils.unique_combination_of_columns": "unique",
    "dbt_utils.expression_is_true": "expression",
    "dbt_utils.accepted_range": "range",
    "unique_combination_of_columns": "unique",
    "expression_is_true": "expression",
    "accepted_range": "range",
    "regex": "matches",
}
OTHER_ARGUMENTS = {
    "unique": {"column": "columns", "combination_of_columns": "columns"},
    "not_null": {"columns": "column"},
    "range": {"min_value": "min", "max_value": "max"},
    "matches": {"regex": "pattern"},
    "relationships": {"to_column": "field"},
}
SHARED = (
    "name",
    "severity",
    "where",
    "scope",
    "error_if",
    "warn_if",
    "tags",
    "description",
    "enabled",
)
IGNORED = ("limit", "store_failures", "store_failures_as", "fail_calc", "meta")
CONDITION = r"\s*(>=|<=|<>|!=|==|=|>|<)\s*(\d+)\s*"
AGE = r"(?i)\s*(\d+)\s*(s|m|h|d|w|(?:second|minute|hour|day|week)s?|sec|min)\s*"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def read_checks(
    nodes: Iterable[Node], asset: str, problems: list[Problem], column: str | None = None
) -> list[Check]:
    """The checks that lists under `checks:` declare; `column` when they stand below a column."""
    found: list[Check] = []
    for node in nodes:
        for item in _listed(node):
            found += _read_one(item, asset, column, problems)
    return found


def _listed(node: Node) -> Iterable[Node]:
    """A list's members; a mapping without a list is one check a key."""
    if isinstance(node.value, dict):
        for key, below in node.entries():
            yield Node(below.file, below.marks, node.path, {key: below.value})
    else:
        yield from node.items()


def _read_one(item: Node, asset: str, column: str | None, problems: list[Problem]) -> list[Check]:
    split = _split(item, problems)
    if split is None:
        return []
    written, said, around = split
    kind = OTHER_NAMES.get(written, written)
    if kind not in KINDS:
        problems.append(_unknown_kind(written, item))
        return []
    faults: list[Problem] = []
    arguments, options = _sorted_keys(kind, said, around, item, column, faults)
    checks = _typed(kind, asset, arguments, options, item, faults) if not faults else []
    problems += faults
    return checks if not [fault for fault in faults if fault.is_error] else []


def _split(item: Node, problems: list[Problem]) -> tuple[str, Node | None, Node | None] | None:
    """(type, what is said under it, keys that stand beside it), of any of the shapes in use."""
    if isinstance(item.value, str):
        return item.value, None, None
    if isinstance(item.value, dict) and item.value:
        if "test_name" in item.value:  # dbt's long form
            return str(item.value["test_name"]), item, None
        first = next(iter(item.value))
        chosen = next((k for k in item.value if k in KINDS or k in OTHER_NAMES), first)
        below = next(node for key, node in item.entries() if key == chosen)
        rest: dict[str, Plain] = {k: v for k, v in item.value.items() if k != chosen}
        return chosen, below, item.with_value(rest) if rest else None
    problems.append(wrong(item, "a check's name, or its name with arguments"))
    return None


def _unknown_kind(written: str, item: Node) -> Problem:
    hint = did_you_mean(written, KINDS) or f"known checks: {', '.join(KINDS)}"
    at = item.at if isinstance(item.value, str) else _first_key(item)
    return Problem("CHK001", f"there is no check '{written}'", at, hint)


def _first_key(item: Node) -> Location:
    return next((below.key_at for _, below in item.entries()), item.at)


def _sorted_keys(
    kind: str,
    said: Node | None,
    around: Node | None,
    item: Node,
    column: str | None,
    problems: list[Problem],
) -> tuple[dict[str, Node], dict[str, Node]]:
    """Arguments of the type, and options that every check has."""
    arguments: dict[str, Node] = {}
    options: dict[str, Node] = {}
    table = KINDS[kind]
    if said is not None and isinstance(said.value, dict):
        _sort_into(kind, said, arguments, options, problems)
    elif said is not None and said.value is not None:
        if table.short:
            arguments[table.short] = said
        elif kind == "not_empty" and said.value is True:
            pass
        else:
            problems.append(_wrong_shape(kind, said))
    if around is not None:
        _sort_into(kind, around, arguments, options, problems)
    own = "columns" if "columns" in table.needed else "column"
    if column is not None and own in table.needed:
        arguments.setdefault(own, item.with_value(column))
    for key in table.needed:
        if key not in arguments and not problems:
            hint = _example(kind)
            problems.append(
                Problem("CHK003", f"the check '{kind}' needs '{key}'", _first_key(item), hint)
            )
    return arguments, options


def _wrong_shape(kind: str, said: Node) -> Problem:
    return Problem("CHK003", f"'{kind}' needs a mapping of arguments", said.at, _example(kind))


def _example(kind: str) -> str:
    table = KINDS[kind]
    keys = ", ".join(f"{key}: ..." for key in table.needed + table.optional if key != "quote")
    return f"write - {kind}: {{{keys}}}"


def _sort_into(
    kind: str,
    node: Node,
    arguments: dict[str, Node],
    options: dict[str, Node],
    problems: list[Problem],
) -> None:
    table = KINDS[kind]
    for written, below in node.entries():
        key = OTHER_ARGUMENTS.get(kind, {}).get(written, written)
        if key in ("arguments", "config") and isinstance(below.value, dict):
            _sort_into(kind, below, arguments, options, problems)
        elif key in IGNORED:
            message = f"the key '{written}' of a check is ignored"
            problems.append(Problem("CFG004", message, below.key_at, severity=Severity.WARNING))
        elif key in table.needed + table.optional:
            arguments[key] = below
        elif key in SHARED:
            options[key] = below
        elif key != "test_name" and below.value is not None:
            known = table.needed + table.optional + SHARED
            hint = did_you_mean(written, known) or f"known: {', '.join(known)}"
            message = f"the check '{kind}' has no '{written}'"
            problems.append(Problem("CHK003", message, below.key_at, hint))


def _typed(
    kind: str,
    asset: str,
    nodes: dict[str, Node],
    options: dict[str, Node],
    item: Node,
    problems: list[Problem],
) -> list[Check]:
    if not flag(options.get("enabled"), True, problems):
        return []
    found: list[Check] = []
    for arguments, columns in _arguments(kind, nodes, item, problems):
        check = Check(
            name=_name(asset, kind, arguments, columns, options, problems),
            asset=asset,
            type="row_count" if kind == "not_empty" else kind,
            arguments=arguments,
            columns=columns,
            at=_first_key(item),
        )
        found.append(with_options(check, options, problems) if options else check)
    return found


def _name(
    asset: str,
    kind: str,
    arguments: Arguments,
    columns: tuple[str, ...],
    options: dict[str, Node],
    problems: list[Problem],
) -> str:
    if given := text(options.get("name"), problems):
        return given if given.startswith(f"{asset}.") else f"{asset}.{given}"
    said = "_".join(columns)
    if kind == "expression":
        said = re.sub(r"\W+", "_", str(arguments.get("expression"))).strip("_")[:40]
    return f"{asset}.{kind}.{said}" if said else f"{asset}.{kind}"


def _arguments(
    kind: str, nodes: dict[str, Node], item: Node, problems: list[Problem]
) -> list[tuple[Arguments, tuple[str, ...]]]:
    """Typed arguments and the columns they name, one pair a check."""
    columns = texts(nodes.get("columns") or nodes.get("column"), problems)
    if kind == "not_null":
        return [({"column": column}, (column,)) for column in columns]
    if kind == "unique":
        return [({"columns": list(columns)}, columns)]
    if kind == "not_empty":
        return [({"min": 1}, ())]
    typed: Arguments = {"column": columns[0]} if len(columns) == 1 else {}
    if "column" in nodes and len(columns) != 1:
        problems.append(wrong(nodes["column"], "the name of one column"))
    typed |= _others(kind, nodes, columns, problems)
    if kind in ("row_count", "range") and not {"min", "max"} & set(typed):
        message = f"the check '{kind}' needs 'min', 'max' or both"
        problems.append(Problem("CHK003", message, _first_key(item), _example(kind)))
    return [(typed, columns)]


def _others(
    kind: str, nodes: dict[str, Node], columns: tuple[str, ...], problems: list[Problem]
) -> Arguments:
    typed: Arguments = {}
    if kind == "accepted_values":
        typed["values"] = _values(nodes["values"], problems)
    elif kind == "relationships":
        typed["to"] = plain_reference(text(nodes["to"], problems))
        typed["field"] = text(nodes.get("field"), problems) or "".join(columns[:1])
    elif kind == "expression":
        typed["expression"] = text(nodes["expression"], problems)
    elif kind == "matches":
        typed["pattern"] = text(nodes["pattern"], problems)
    elif kind == "freshness":
        typed["max_age_s"] = seconds(nodes["max_age"], problems)
    elif kind in ("row_count", "range"):
        typed |= _bounds(nodes, whole=kind == "row_count", problems=problems)
    return typed


def _values(node: Node, problems: list[Problem]) -> list[Plain]:
    if not isinstance(node.value, list) or not node.value:
        problems.append(wrong(node, "a list of values"))
        return []
    if any(isinstance(value, (list, dict)) for value in node.value):
        problems.append(wrong(node, "a list of plain values"))
    return node.value


def _bounds(nodes: dict[str, Node], *, whole: bool, problems: list[Problem]) -> Arguments:
    found: Arguments = {}
    for key in ("min", "max", "equals"):
        node = nodes.get(key)
        if node is None or node.value is None:
            continue
        value = node.value
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if (whole and not (number and isinstance(value, int))) or isinstance(value, (list, dict)):
            problems.append(wrong(node, "a whole number" if whole else "a number or a date"))
        for bound in ("min", "max") if key == "equals" else (key,):
            found[bound] = value
    return found


def seconds(node: Node, problems: list[Problem]) -> int:
    """An age such as "2 days", 12h or {count: 12, period: hour} in seconds."""
    said = node.value
    if isinstance(said, dict):
        said = f"{said.get('count')} {said.get('period')}"
    found = re.fullmatch(AGE, str(said))
    if found is None:
        problems.append(wrong(node, "an age such as 2 days, 12 hours or 30m"))
        return 0
    return int(found[1]) * SECONDS[found[2][0].casefold()]


def with_options(check: Check, options: dict[str, Node], problems: list[Problem]) -> Check:
    """The check with the keys that all checks share."""
    severity = _severity(options.get("severity"), problems)
    return replace(
        check,
        severity=severity,
        where=text(options.get("where"), problems) or None,
        whole_table=_whole_table(options.get("scope"), problems),
        error_if=_condition(options.get("error_if"), problems),
        warn_if=_condition(options.get("warn_if"), problems),
        tags=texts(options.get("tags"), problems),
        description=text(options.get("description"), problems),
    )


def _severity(node: Node | None, problems: list[Problem]) -> Severity:
    said = str(node.value).casefold() if node else "error"
    if said in ("warn", "warning"):
        return Severity.WARNING
    if said != "error" and node is not None:
        problems.append(wrong(node, "error or warn"))
    return Severity.ERROR


def _whole_table(node: Node | None, problems: list[Problem]) -> bool:
    if node is None or node.value == "slices":
        return False
    if node.value != "table":
        problems.append(wrong(node, "table or slices"))
    return True


def _condition(node: Node | None, problems: list[Problem]) -> str:
    """A comparison with a whole number, in one spelling."""
    if node is None:
        return "> 0"
    found = re.fullmatch(CONDITION, str(node.value))
    if found is None:
        problems.append(wrong(node, 'a comparison with a whole number, such as "> 10"'))
        return "> 0"
    return f"{found[1].replace('==', '=').replace('!=', '<>')} {found[2]}"


def distinct(
    checks: Iterable[Check], problems: list[Problem], secrets: Sequence[str] = ()
) -> list[Check]:
    """Checks that ask the same once, the later one counting; then every name made unique by a suffix.

    No name that was made of an expression holds a part of `secrets`.

    DUP004 for two that the user named alike: a function or a file gets no other name unasked.
    """
    kept: dict[str, Check] = {}
    for check in checks:
        asked = [check.asset, check.type, sorted(check.arguments.items()), check.where]
        kept[repr(asked if check.type in KINDS else [check.name, check.at])] = check
    named: dict[str, Check] = {}
    for check in kept.values():
        if check.type not in KINDS and (first := named.setdefault(check.name, check)) is not check:
            problems.append(_same_name(check, first))
    taken = {*named}
    return [_renamed(_named_openly(check, secrets), taken) for check in kept.values()]


def _named_openly(check: Check, secrets: Sequence[str]) -> Check:
    if not secrets or check.type != "expression":
        return check
    return replace(check, name=name_without(check.name, secrets))


def _same_name(second: Check, first: Check) -> Problem:
    message = f"the check '{second.name}' is defined twice: here and in {first.at}"
    hint = "rename one of the two: its function, its file, or by `name`"
    return Problem("DUP004", message, second.at, hint, others=(first.at,) if first.at else ())


def _renamed(check: Check, taken: set[str]) -> Check:
    if check.type not in KINDS:
        return check
    name, number = check.name, 1
    while name in taken:
        number += 1
        name = f"{check.name}_{number}"
    taken.add(name)
    return check if number == 1 else replace(check, name=name)
