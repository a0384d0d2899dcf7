"""What a step's functions said, and the ops that they called -> lines."""

from __future__ import annotations

from collections.abc import Iterable

from click import style

from sqlpipes.core.events import OpCall
from sqlpipes.core.status import Status
from sqlpipes.show.letters import plain, plain_log

FEW = 20  # lines of a log that are shown unasked
WORDS = {Status.SUCCESS: "ok", Status.ERROR: "error"}


def log_lines(log: str, indent: str, limit: int | None = FEW) -> list[str]:
    """The last `limit` lines; None: all of them."""
    lines = plain_log(log).rstrip().split("\n") if log.strip() else []
    left_out = 0 if limit is None else max(0, len(lines) - limit)
    told = [f"... {left_out:,} lines before"] if left_out else []
    return [style(f"{indent}{line}", dim=True) for line in (*told, *lines[left_out:])]


def op_lines(ops: Iterable[OpCall], indent: str) -> list[str]:
    """One line a call, those inside of another one behind it and further in."""
    return [_op_line(call, indent + "  " * call.depth) for call in in_order(tuple(ops))]


def in_order(ops: tuple[OpCall, ...]) -> list[OpCall]:
    """Calls come in the order of their ends; shown are those first that stand around others.

    >>> inner, outer = (OpCall(n, Status.SUCCESS, 1.0, depth=d) for n, d in (("in", 1), ("out", 0)))
    >>> [call.name for call in in_order((inner, outer))]
    ['out', 'in']
    """
    found: list[OpCall] = []
    waiting: list[OpCall] = []
    for call in ops:
        inside = [each for each in waiting if each.depth > call.depth]
        waiting = [each for each in waiting if each.depth <= call.depth]
        waiting += [call, *inside]
        if call.depth == 0:
            found += waiting
            waiting = []
    return found + waiting


def _op_line(call: OpCall, indent: str) -> str:
    colour = "green" if call.status is Status.SUCCESS else "red"
    word = style(f"{WORDS.get(call.status, str(call.status)):<5}", fg=colour)
    tries = f"  {call.attempts} attempts" if call.attempts > 1 else ""
    said = style(f"  {plain(call.message)}", fg=colour) if call.message else ""
    return f"{indent}{style('op', dim=True)} {word} {plain(call.name)}  {call.seconds:.2f}s{tries}{said}"
