"""What was asked for and did not come: it is held until something of it changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import reduce
from operator import or_

from sqlpipes.core.asset import Asset
from sqlpipes.core.automation import When
from sqlpipes.core.graph import Graph
from sqlpipes.core.history import NEVER, Built, History, Past
from sqlpipes.core.partitions import Partitions
from sqlpipes.core.plan import Why
from sqlpipes.core.verdict import Seen, Try
from sqlpipes.decide.staleness import Changed, reasons_to_build
from sqlpipes.decide.upstream import among
from sqlpipes.decide.wish import Outlook


def version_of(graph: Graph, name: str) -> str:
    """Of all that a try hangs on: the asset and its checks."""
    return f"{graph.version(name)}|{graph.checks_version(name)}"


def held(
    look: Outlook,
    asset: Asset,
    mine: Partitions,
    seen: Seen,
    past: Past,
    history: History,
    changed: Changed,
) -> tuple[Partitions, str]:
    """Slices that were asked for, did not come, and of which nothing has changed since; and why.

    `past`: the asset's, as it is; `history` may be a planned one.
    """
    found = Partitions(mine.axis)
    if asset.auto is None or asset.auto.when is When.CRON:
        return found, ""
    said = ""
    version = version_of(look.graph, asset.name)
    for each in seen.tries:
        if each.slices.axis != mine.axis or each.version != version:
            continue
        broken = among(each.slices, past.broken)
        slices = mine & (each.slices if each.ended else broken)
        slices -= _done_since(past, each, mine)
        stuck = slices - _moved_since(look, asset, each, slices, history, changed)
        if stuck:
            said = said or _why_held(bool(stuck & broken))
            found |= stuck
    return found, said


def _moved_since(
    look: Outlook,
    asset: Asset,
    tried: Try,
    slices: Partitions,
    history: History,
    changed: Changed,
) -> Partitions:
    """Those of which an input was written since they were tried: asked as if they were built then."""
    if not slices:
        return slices
    version = look.graph.version(asset.name)
    as_if = Built(slices, version, read_at=tried.tick, written_at=tried.tick)
    history = history.with_past(asset.name, replace(NEVER, built=(as_if,), version=version))
    unseen = replace(look.observed, existing=None, gone_files=frozenset())
    everything = look.everything(asset)
    found = reasons_to_build(
        look.graph, history, changed, unseen, asset.name, slices, everything, look.aware
    )
    newer = (r.slices for r in found if r.why is Why.INPUT_NEWER and r.slices is not None)
    return reduce(or_, newer, Partitions(slices.axis))


def still_open(tries: Iterable[Try], due: Partitions) -> Iterator[Try]:
    """What was tried and is due still; all of it where that is cut otherwise now."""
    for each in tries:
        if each.slices.axis != due.axis:
            if due:
                yield each
        elif left := each.slices & due:
            yield replace(each, slices=left)


def _done_since(past: Past, tried: Try, mine: Partitions) -> Partitions:
    """Slices that were written after they were tried: whatever is wrong with them now is another matter."""
    found = (among(mine, past.trusted(b)) for b in past.built if b.written_at > tried.tick)
    return reduce(or_, found, Partitions(mine.axis))


def _why_held(broken: bool) -> str:
    what = "failed last time" if broken else "asked for, and not built"
    return f"{what}; not tried again until an input, the query or a check changes"
