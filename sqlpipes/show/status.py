"""What is built, as it stands -> text and JSON: a line an asset, or one asset in full with its grid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from types import MappingProxyType
from typing import Any

from click import style, unstyle

from sqlpipes.api import AssetStatus, Card, SliceState
from sqlpipes.core.automation import When
from sqlpipes.core.partitions import Partitions, ValueAxis, rest_of
from sqlpipes.core.plan import Step
from sqlpipes.core.status import Status
from sqlpipes.core.verdict import Verdict
from sqlpipes.show.cards import card_json, card_lines
from sqlpipes.show.cells import BAR, SIGNS, bar
from sqlpipes.show.grid import grid_lines
from sqlpipes.show.letters import cut, name_text, padded, plain, width_of
from sqlpipes.show.plan import ALIGNED, counted

SHOWN_RANGES = 6
SHORTEST = 12  # a reason that is cut to less says nothing
WIDTH = 80
WIDE = 100
NO_CARDS: Mapping[str, Card] = MappingProxyType({})


def status_text(found: Sequence[AssetStatus], width: int | None = None) -> str:
    """A line an asset: its state, when it was written, its slices, and why it is not current.

    `width` cuts the reasons to a terminal's.
    """
    names = [name_text(item.asset, width) for item in found]
    room = max((width_of(name) for name in names if width_of(name) <= ALIGNED), default=0)
    cells = BAR if width is None or width >= WIDE else BAR // 2
    bars = max((len(unstyle(_bar(item, cells))) for item in found), default=0)
    lines = [
        _status_line(item, padded(name, room), (cells, bars), width)
        for item, name in zip(found, names, strict=True)
    ]
    stale = sum(item.step is not None for item in found)
    total = f"{counted(len(found), 'asset')}: {len(found) - stale} current, {stale} to build"
    return "\n".join([*lines, "", total])


def _status_line(item: AssetStatus, name: str, bars: tuple[int, int], width: int | None) -> str:
    word, colour = state_of(item)
    line = f"{style(f'{word:<8}', fg=colour)} {name}  {_minute(item.written_at):<16}"
    if item.columns:
        cells = _bar(item, bars[0])
        line += f"  {cells}{' ' * (bars[1] - len(unstyle(cells)))}  {_counts(item)}"
    if item.step is None or word == "running":
        return line.rstrip()  # what a plan makes of a mark that is still alive is no news
    why = plain(str(item.step.reasons[0]))
    left = (width or 0) - width_of(unstyle(line)) - 2
    if width and left < width_of(why):
        why = cut(why, left) if left > SHORTEST else ""
    return f"{line}  {style(why, fg='yellow')}" if why else line


def _bar(item: AssetStatus, room: int) -> str:
    return bar(item.states, room) if item.columns else ""


def _counts(item: AssetStatus) -> str:
    """The number of slices in each state, the good ones first."""
    said = [f"{len(item.states[s]):,} {s}" for s in reversed(SliceState) if s in item.states]
    return ", ".join(said) or _none(item)


def _none(item: AssetStatus) -> str:
    """It may have slices, though none of those that were asked for."""
    return "no such slices" if item.built or (item.step and item.step.slices) else "no slices yet"


def state_of(item: AssetStatus) -> tuple[str, str]:
    """The asset's state in one word, and its colour."""
    if item.last is Status.RUNNING or SliceState.RUNNING in item.states:
        return "running", "cyan"
    if SliceState.IN_DOUBT in item.states and SliceState.FAILED not in item.states:
        return "in doubt", "magenta"
    if SliceState.FAILED in item.states or item.last in (
        Status.FAIL,
        Status.ERROR,
        Status.INTERRUPTED,
    ):
        return "failed", "red"
    if not item.built:
        return ("missing", "yellow") if item.step else ("inlined", "bright_black")
    return ("stale", "yellow") if item.step else ("current", "green")


def details_text(
    found: Sequence[AssetStatus],
    width: int | None = None,
    cards: Mapping[str, Card] = NO_CARDS,
) -> str:
    """Each asset in full: its slices as a picture, and as ranges with the reasons; what is said of it."""
    return "\n\n".join("\n".join(_in_full(item, width or WIDTH, cards)) for item in found)


def _in_full(item: AssetStatus, width: int, cards: Mapping[str, Card]) -> Iterator[str]:
    yield from _details(item, width)
    yield from auto_lines(item)
    if (card := cards.get(item.asset)) and (lines := card_lines(card, width)):
        yield ""
        yield from lines


def auto_lines(item: AssetStatus) -> Iterator[str]:
    """How it is built by itself, and what the newest look at it decided."""
    if item.auto is None or item.auto.when is When.NEVER:
        return
    yield ""
    since = f", since {_minute(item.decided_at)}" if item.decided_at else ", not looked at yet"
    yield f"  auto: {item.auto}{style(since, dim=True)}"
    yield from (f"    {plain(str(verdict))}" for verdict in item.verdicts)


def _details(item: AssetStatus, width: int) -> Iterator[str]:
    word, colour = state_of(item)
    head = f"{style(plain(item.asset), bold=True)}: {style(word, fg=colour)}"
    if not item.columns or not item.states:
        yield head + (f", {_none(item)}" if item.columns else "")
        yield from (
            f"  {plain(str(reason))}" for reason in (item.step.reasons if item.step else ())
        )
        if item.written_at:
            yield f"  written {_minute(item.written_at)}"
        return
    every = sum(map(len, item.states.values()))
    axis = next(iter(item.states.values())).axis
    yield f"{head}, {counted(every, 'slice')} of {plain(', '.join(item.columns))} by {axis}"
    yield ""
    picture, caption = grid_lines(item.states, width)
    yield from picture
    yield ""
    yield from _legend(item, width)
    yield style(f"  {caption}{_newest(item)}", dim=True)


def _legend(item: AssetStatus, width: int) -> Iterator[str]:
    room = max(len(f"{len(slices):,}") for slices in item.states.values())
    for state in reversed(SliceState):
        if (slices := item.states.get(state)) is None:
            continue
        sign, colour = SIGNS[state]
        head = f"  {style(f'{sign} {state:<8}', fg=colour)}  {len(slices):>{room},}  "
        indent = len(unstyle(head))
        text = short_text(slices, width - indent)
        reasons = [] if state is SliceState.RUNNING else list(_reasons(item.step, slices))
        only = f"  {reasons[0][0]}" if len(reasons) == 1 and reasons[0][1] == slices else ""
        if indent + width_of(text) + len(only) <= width:
            yield head + text + style(only, fg="yellow")
            reasons = [] if only else reasons
        else:
            yield head + text
        for said, which in reasons:
            where = "" if which == slices else f" ({short_text(which, width // 2)})"
            yield " " * indent + style(f"{said}{where}", fg="yellow")


def _reasons(step: Step | None, slices: Partitions) -> Iterator[tuple[str, Partitions]]:
    """Why a build would write some of these slices, and which."""
    for reason in step.reasons if step else ():
        if reason.slices is None or reason.slices.axis != slices.axis:
            continue
        if about := reason.slices & slices:
            yield plain(str(reason)), about


def short_text(slices: Partitions, room: int) -> str:
    """As many ranges as there is room for.

    >>> from sqlpipes.core.partitions import Grain
    >>> short_text(Partitions.of(Grain.DAY, [(n, n + 1) for n in range(0, 900, 2)]), 40)
    '1970-01-01, 1970-01-03 and 448 more'
    """
    pieces = list(islice(_pieces(slices), SHOWN_RANGES))
    every = _count_of_pieces(slices, len(pieces))
    for shown in range(len(pieces), 0, -1):
        more = f" and {every - shown:,} more" if every > shown else ""
        text = plain(", ".join(pieces[:shown])) + more
        if width_of(text) <= room:
            break
    return text


def _count_of_pieces(slices: Partitions, seen: int) -> int:
    """How many there are, counted without writing them all where they are many."""
    if seen < SHOWN_RANGES:
        return seen
    if rest_of(slices.axis):
        return sum(1 for _ in _pieces(slices))
    return len(slices.ranges)


def range_texts(slices: Partitions) -> list[str]:
    """Each range as `--partition` reads it, in order; a product's with its labels."""
    return list(_pieces(slices))


def _pieces(slices: Partitions) -> Iterator[str]:
    axis = slices.axis
    if slices.is_whole:
        yield "all"
    elif isinstance(axis, ValueAxis):
        yield from (str(labels[0]) for labels in slices.labels)
    elif rest_of(axis):
        for box, labels in slices.boxes():
            yield from str(Partitions.of_rows(axis, [(one, [box]) for one in labels])).split("; ")
    else:
        yield from (str(each) for each in slices.runs())


def _newest(item: AssetStatus) -> str:
    if item.written_at is None or item.newest is None:
        return ""
    return f"; newest write {_minute(item.written_at)}: {short_text(item.newest, 40)}"


def status_json(item: AssetStatus, card: Card | None = None) -> dict[str, Any]:
    """Ranges and counts per state, never a row per slice; with a card, what is known beside these."""
    reasons = item.step.reasons if item.step else ()
    return {
        "asset": item.asset,
        "state": state_of(item)[0],
        "slices": str(item.built),
        "slice_count": len(item.built),
        "written_at": item.written_at.isoformat() if item.written_at else None,
        "last": str(item.last) if item.last else None,
        "reasons": [str(reason) for reason in reasons],
        "to_build": str(item.step.slices) if item.step else "",
        "states": {
            str(state): {"count": len(slices), "ranges": range_texts(slices)}
            for state, slices in item.states.items()
            if item.columns
        },
        "why": [
            {"reason": str(reason), "ranges": range_texts(reason.slices)}
            for reason in reasons
            if item.columns and reason.slices
        ],
        **(card_json(card) if card else {}),
        "auto": str(item.auto) if item.auto else None,
        "verdicts": [verdict_json(verdict) for verdict in item.verdicts],
    }


def verdict_json(verdict: Verdict) -> dict[str, Any]:
    """One verdict; no ranges: it is about the whole asset."""
    whole = verdict.slices.is_whole or not verdict.slices
    return {
        "asset": verdict.asset,
        "decision": str(verdict.decision),
        "ranges": [] if whole else range_texts(verdict.slices),
        "because": verdict.because,
    }


def _minute(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else ""
