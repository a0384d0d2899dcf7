"""Plan -> text and JSON: every step, its slices and its reasons, and what is current."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from click import style

from sqlpipes.core.asset import SqlBody
from sqlpipes.core.config import OWN_ENGINE
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import Partitions, ValueAxis, WholeAxis, first_of
from sqlpipes.core.plan import Crossing, Plan, Reason, Step, Why
from sqlpipes.show.letters import cut, name_text, padded, plain, plain_lines, width_of

SHOWN_CURRENT = 8
SHOWN_INPUTS = 4
SHOWN_ALIKE = 3
LONGEST = 200  # characters of a list of values
UNITS = ("B", "kB", "MB", "GB", "TB")
FOLD_ABOVE = 40  # steps: a longer plan does not fit on a screen
ALIGNED = 40  # a longer name pushes its own line to the right, not everybody's

Statements = Mapping[str, tuple[str, ...]]


def plan_text(
    plan: Plan,
    title: str,
    *,
    statements: Statements | None = None,
    fold: bool = False,
    width: int | None = None,
    tests: Sequence[str] = (),
) -> str:
    """The whole plan. `statements`: what each step would run, shown under it (`--sql`). `tests`: unit
    tests that run before it.

    `fold` shows steps of a long plan that are alike as one line. `width` cuts details to a terminal's.
    """
    lines = [style(headline(plan, title), bold=True)]
    lines += _test_lines(tests)
    groups = _alike(plan) if fold and not statements else [[step] for step in plan.steps]
    names = [_names(group, width) for group in groups]
    room = max((width_of(name) for name in names if width_of(name) <= ALIGNED), default=0)
    action_room = max((len(step.action) for step in plan.steps), default=0)
    engines = {step.engine for step in plan.steps}
    homes = max((len(each or OWN_ENGINE) for each in engines), default=0) if any(engines) else 0
    for group, name in zip(groups, names, strict=True):
        lines += _step_lines(group[0], name, action_room, room, homes, width)
        for step in group:
            lines += crossing_lines(step)
        lines += _statement_lines(group[0], statements)
    if plan.steps:
        lines += _spared_lines(plan, width, all_of_them=not fold)
    return "\n".join([*lines, *_current_lines(plan)])


def dialects(graph: Graph, asset: str = "") -> str:
    """` (duckdb -> postgres)` where the target, or what runs an asset, speaks another one."""
    found = graph.assets.get(asset)
    porter = graph.porters.get(found.engine if found else "")
    if porter is None:
        return ""
    if found is not None and isinstance(found.body, SqlBody) and found.body.local:
        return f" ({porter.read}, beside the warehouse)"
    return f" ({porter.read} -> {porter.write})"


def _test_lines(tests: Sequence[str]) -> list[str]:
    """
    >>> _test_lines(["a", "b", "c", "d"])
    ['  first 4 unit tests: a, b and 2 more']
    """
    if not tests:
        return []
    shown = list(tests) if len(tests) <= SHOWN_ALIKE else list(tests[: SHOWN_ALIKE - 1])
    more = f" and {len(tests) - len(shown):,} more" if len(shown) < len(tests) else ""
    return [f"  first {counted(len(tests), 'unit test')}: {', '.join(shown)}{more}"]


def headline(plan: Plan, title: str) -> str:
    if not plan.steps:
        current = f", {counted(len(plan.current), 'asset')} current" if plan.current else ""
        return f"{title}: nothing to do{current}"
    return f"{title}: {counted(len(plan.steps), 'step')}, {len(plan.current):,} current"


def counted(number: int, noun: str) -> str:
    """
    >>> counted(1, "step"), counted(1200, "step")
    ('1 step', '1,200 steps')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _alike(plan: Plan) -> list[list[Step]]:
    """Steps that do the same for the same reasons go together, where the first of them stands."""
    if len(plan.steps) <= FOLD_ABOVE:
        return [[step] for step in plan.steps]
    groups: dict[object, list[Step]] = {}
    for step in plan.steps:
        told = any(reason.diff for reason in step.reasons)
        alike = (step.action, step.engine, step.slices, tuple(map(str, step.reasons)))
        key = step.asset if told else alike
        groups.setdefault(key, []).append(step)
    return list(groups.values())


def _names(group: Sequence[Step], width: int | None) -> str:
    if len(group) <= SHOWN_ALIKE:
        return ", ".join(name_text(step.asset, width) for step in group)
    shown = ", ".join(name_text(step.asset, width) for step in group[: SHOWN_ALIKE - 1])
    return f"{shown} and {len(group) - SHOWN_ALIKE + 1:,} more"


def _step_lines(
    step: Step, name: str, action_room: int, room: int, homes: int, width: int | None
) -> list[str]:
    """`homes`: room for the names of engines, where the plan has several."""
    home = f"on {step.engine or OWN_ENGINE:<{homes}}  " if homes else ""
    indent = " " * (action_room + room + 6 + len(home))
    head = f"  {step.action:<{action_room}}  " + style(padded(name, room), bold=True) + "  "
    head += style(home, dim=True)
    lines: list[str] = []
    cut = slices_text(step.slices)
    for reason in step.reasons:
        said = _reason(reason, step, width and width - len(indent) - len(cut))
        lines.append((indent if lines else head + style(cut, fg="cyan")) + style(said, fg="yellow"))
        lines += _diff(reason, indent, width)
        cut = ""
    return lines


def crossing_lines(step: Step) -> list[str]:
    """One for each table that comes over from another engine, with about how much that is.

    >>> from click import unstyle
    >>> from sqlpipes.core.plan import Action, Crossing
    >>> said = Crossing("orders", "dw", "", ("day", "amount"), None, 1200000, 24_000_000)
    >>> step = Step("totals", Action.TABLE, Partitions(WholeAxis()), (), crossings=(said,))
    >>> unstyle(crossing_lines(step)[0])
    '      crosses: orders -> dw: 1,200,000 rows, 2 columns, 24.0 MB estimated'
    """
    return [style(f"      crosses: {_crossing(each)}", fg="magenta") for each in step.crossings]


def _crossing(found: Crossing) -> str:
    said = []
    if found.rows is not None:
        said.append(counted(found.rows, "row"))
    if found.columns is not None:
        said.append(counted(max(len(found.columns), 1), "column"))
    if found.window is not None:
        said.append(counted(len(found.window), "slice"))
    if found.bytes is not None:
        said.append(f"{bytes_text(found.bytes)} estimated")
    elif found.rows is not None:
        said[0] += " estimated"
    to = found.engine or OWN_ENGINE
    return f"{plain(found.asset)} -> {to}: {', '.join(said) or 'how much is not known yet'}"


def bytes_text(number: int) -> str:
    """
    >>> bytes_text(12), bytes_text(1_500), bytes_text(24_000_000)
    ('12 B', '1.5 kB', '24.0 MB')
    """
    power = min(max(len(str(number)) - 1, 0) // 3, len(UNITS) - 1)
    return f"{number / 1000**power:.{1 if power else 0}f} {UNITS[power]}"


def slices_text(slices: Partitions) -> str:
    """What a partitioned step covers, with a trailing gap; nothing for an unpartitioned one.

    >>> from sqlpipes.core.partitions import Grain
    >>> slices_text(Partitions.of(Grain.DAY, [(0, 2)]))
    '1970-01-01..1970-01-03 (2 slices)  '
    """
    if slices.is_whole or not slices:
        return ""
    text = plain(_keys_text(slices))
    pieces = sum(1 for _ in slices.boxes())
    if pieces > SHOWN_ALIKE:
        text = plain(f"{pieces} runs {_reach(slices)}".rstrip())
    elif len(text) > LONGEST:
        text = text[:LONGEST] + "..."
    return f"{text} ({counted(len(slices), 'slice')})  "


def _keys_text(slices: Partitions) -> str:
    """The slices' keys; the empty text among values as '', which nobody would see otherwise.

    >>> _keys_text(Partitions.of_values(["", "a"]))
    "'', a"
    """
    if not isinstance(slices.axis, ValueAxis):
        return str(slices)
    return ", ".join(str(labels[0]) or "''" for labels in slices.labels)


def _reach(slices: Partitions) -> str:
    """Between which keys the slices lie, where they lie along something."""
    first = first_of(slices.axis)
    if isinstance(first, WholeAxis):
        return ""
    return f"within {first.key(slices.ranges[0][0])}..{first.key(slices.ranges[-1][1])}"


def _reason(reason: Reason, step: Step, room: int | None) -> str:
    said = plain(str(reason))
    names = reason.detail.split(", ")
    if reason.why is Why.INPUT_NEWER and len(names) > SHOWN_INPUTS:
        shown = ", ".join(names[: SHOWN_INPUTS - 1])
        said = f"{reason.why}: {plain(shown)} and {len(names) - SHOWN_INPUTS + 1} more"
    if reason.slices and reason.slices != step.slices:
        said += f" ({slices_text(reason.slices).rpartition(' (')[0]})"
    return _clipped(said, room)


def _clipped(text: str, room: int | None) -> str:
    """
    >>> _clipped("input newer: a", 10)
    'input new…'
    """
    return text if room is None else cut(text, max(room, 10))


def _diff(reason: Reason, indent: str, width: int | None) -> list[str]:
    colours = {"-": "red", "+": "green"}
    room = width and width - len(indent) - 2
    return [
        f"{indent}  {style(_clipped(plain(line), room), fg=colours.get(line[:1]))}"
        for line in reason.diff
    ]


def _statement_lines(step: Step, statements: Statements | None) -> list[str]:
    if statements is None:
        return []
    lines = []
    for statement in statements.get(step.asset, ()):
        lines += [
            style(f"      {line}", dim=True) for line in plain_lines(statement.strip()).split("\n")
        ]
        lines.append("")
    return lines


def _spared_lines(plan: Plan, width: int | None, *, all_of_them: bool) -> list[str]:
    """What reads something newer and is not built, each with its proof.

    >>> from click import unstyle
    >>> from sqlpipes.core.plan import Spared
    >>> said = Spared("totals", Partitions(WholeAxis()), "reads only id of users; changed: email")
    >>> unstyle(_spared_lines(Plan((), spared=(said,)), None, all_of_them=True)[0])
    '  spared: totals  reads only id of users; changed: email'
    """
    shown = plan.spared if all_of_them else plan.spared[:SHOWN_CURRENT]
    lines = [
        f"  spared: {plain(each.asset)}  {slices_text(each.slices)}{_clipped(plain(each.proof), width)}"
        for each in shown
    ]
    if more := len(plan.spared) - len(shown):
        lines.append(f"  spared: {more:,} more")
    return [style(line, fg="green") for line in lines]


def _current_lines(plan: Plan) -> list[str]:
    if not plan.current or not plan.steps:
        return []
    shown = plain(", ".join(plan.current[:SHOWN_CURRENT]))
    more = len(plan.current) - SHOWN_CURRENT
    tail = f" and {more:,} more" if more > 0 else ""
    return [style(f"  current: {shown}{tail}", dim=True)]


def plan_json(
    plan: Plan, statements: Statements | None = None, tests: Sequence[str] = ()
) -> dict[str, Any]:
    """`slices` is the one slice "all" for an unpartitioned step; `statements` only when asked for;
    `unit_tests` run before it."""
    return {
        "unit_tests": list(tests),
        "steps": [_step_json(step, statements) for step in plan.steps],
        "current": list(plan.current),
        "spared": [
            {"asset": each.asset, "slices": str(each.slices), "proof": each.proof}
            for each in plan.spared
        ],
        "notes": [str(note) for note in plan.notes],
    }


def _step_json(step: Step, statements: Statements | None) -> dict[str, Any]:
    said: dict[str, Any] = {
        "asset": step.asset,
        "action": str(step.action),
        "engine": step.engine or None,
        "slices": str(step.slices),
        "slice_count": len(step.slices),
        "full": step.full,
        "after": sorted(step.after),
        "checks": list(step.checks),
        "reasons": [_reason_json(reason) for reason in step.reasons],
    }
    if step.crossings:
        said["crossings"] = [_crossing_json(each) for each in step.crossings]
    return said if statements is None else {**said, "statements": list(statements[step.asset])}


def _crossing_json(found: Crossing) -> dict[str, Any]:
    """`rows` and `bytes` are estimates by the builds before; null where nothing is known."""
    return {
        "asset": found.asset,
        "from": found.home or OWN_ENGINE,
        "to": found.engine or OWN_ENGINE,
        "columns": None if found.columns is None else list(found.columns),
        "slices": None if found.window is None else str(found.window),
        "rows": found.rows,
        "bytes": found.bytes,
    }


def _reason_json(reason: Reason) -> dict[str, Any]:
    return {
        "why": str(reason.why),
        "detail": reason.detail,
        "diff": list(reason.diff),
        "slices": str(reason.slices) if reason.slices is not None else None,
    }
