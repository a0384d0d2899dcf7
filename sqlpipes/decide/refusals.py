"""What a wish asks for that cannot be: told before anything runs, all of it at once."""

from __future__ import annotations

from collections.abc import Iterable

from sqlpipes.core.asset import Asset, Kind, Materialized
from sqlpipes.core.errors import Location, Problem, ProjectError, Severity
from sqlpipes.core.graph import Graph
from sqlpipes.core.history import History
from sqlpipes.core.partitions import Axis, TimeAxis, ValueAxis, first_place
from sqlpipes.decide.staleness import is_moved
from sqlpipes.decide.wish import Outlook

SHOWN = 8
EXAMPLE = (
    "write a key such as 2024-01-31 or 2024-01, or a range 2024-01-01..2024-02-01 (end excluded)"
)


def refuse(look: Outlook, history: History) -> None:
    """Raises ProjectError PLN001 for inputs that are not there, PLN002 for --partition or --last
    where they make no sense."""
    problems = [*rule_faults(look), *_missing_inputs(look, history)]
    if problems:
        raise ProjectError(*problems)


def rule_faults(look: Outlook) -> list[Problem]:
    """PLN002 for --partition or --last where they make no sense."""
    return [*_partition_faults(look), *_last_faults(look)]


def askable(look: Outlook, history: History, name: str) -> tuple[str, ...]:
    """The checks of the gate that can be asked: all that they read is there, or will be."""
    return tuple(
        check.name
        for check in look.graph.gate(name)
        if not _absent(look, history, (check.asset, *check.inputs))
    )


def notes(look: Outlook, history: History) -> tuple[Problem, ...]:
    """Warnings: PLN003 for each check that is left out, PAR006 for assets whose values are not known."""
    found = [_waits(look.graph.assets[name]) for name in look.waiting() if _asks(look, name)]
    for name in look.asked():
        for check in look.graph.gate(name):
            absent = _absent(look, history, (check.asset, *check.inputs))
            if absent:
                message = f"check '{check.name}' is left out: {', '.join(absent)} is not built"
                hint = f"select it too: --select {' '.join(absent)}"
                found.append(Problem("PLN003", message, check.at, hint, Severity.WARNING))
    return tuple(found)


def _asks(look: Outlook, name: str) -> bool:
    return look.lacks_values(look.graph.assets[name])


def _waits(asset: Asset) -> Problem:
    columns = ", ".join(asset.values_from)
    message = f"'{asset.name}' is left out: the query for the values of '{columns}' finds none yet"
    hint = "it is built as soon as what that query reads has rows"
    return Problem("PAR006", message, asset.at, hint, Severity.WARNING)


def _missing_inputs(look: Outlook, history: History) -> list[Problem]:
    """An input that was never built and is not asked for would only fail in the warehouse."""
    if look.wish.only_checks:
        return []
    problems: dict[str, Problem] = {}
    for name in look.asked():
        if look.graph.assets[name].kind is Kind.SOURCE:
            continue
        for parent in _absent(look, history, look.graph.parents(name)):
            message = f"'{name}' reads '{parent}', which is not built and not selected"
            at = next((i.at for i in look.graph.inputs[name] if i.name == parent), None)
            hint = f"select it too: --select +{name}"
            problems.setdefault(parent, Problem("PLN001", message, at, hint))
    return list(problems.values())


def _absent(look: Outlook, history: History, names: Iterable[str]) -> list[str]:
    """Which of the assets are not there and will not be: never built or gone, and not asked for."""
    read = dict.fromkeys(built for name in names for built in _standing_for(look.graph, name))
    return [name for name in read if not _will_be_there(look, history, name)]


def _will_be_there(look: Outlook, history: History, name: str) -> bool:
    if name in look.wish.names and not look.wish.only_checks:
        return True
    if look.observed.lacks(look.graph.assets[name]):
        return False
    past = history.of(name)
    if is_moved(look.graph.assets[name], past):  # it stands in its old place
        return look.observed.has(name)
    return bool(past.built) or look.observed.has(name)


def _standing_for(graph: Graph, name: str) -> list[str]:
    """The asset itself, or what an ephemeral one reads; nothing for a source."""
    asset = graph.assets[name]
    if asset.materialized is Materialized.EPHEMERAL:
        behind = {p for other in (name, *graph.inlined(name)) for p in graph.parents(other)}
        return sorted(p for p in behind if _is_built(graph.assets[p]))
    return [name] if _is_built(asset) else []


def _is_built(asset: Asset) -> bool:
    return asset.kind is not Kind.SOURCE and asset.materialized is not Materialized.EPHEMERAL


def _partition_faults(look: Outlook) -> list[Problem]:
    text = look.wish.partitions
    if text is None:
        return []
    at = Location("--partition", length=max(len(text), 1))
    cut = [a for name in look.asked() if _is_cut(a := look.graph.assets[name])]
    if not cut:
        message = "--partition is given, but no selected asset is partitioned"
        return [Problem("PLN002", message, at, _partitioned(look.graph))]
    cut = [asset for asset in cut if not look.lacks_values(asset)]
    faults = _unreadable(look, cut)
    if faults:
        return [Problem("PLN002", message, at, hint) for message, hint in faults]
    if not cut or any(look.named(asset) for asset in cut):
        return []
    message = f"--partition names no slice of {', '.join(asset.name for asset in cut[:5])}"
    return [Problem("PLN002", message, at, _slices_there(look, cut[0]))]


def _last_faults(look: Outlook) -> list[Problem]:
    count = look.wish.last
    if count is None:
        return []
    at = Location("--last", length=len(str(count)))
    if count < 1:
        return [Problem("PLN002", f"--last wants a number of slices from 1 on, not {count}", at)]
    if any(_has_order(look.graph.assets[name]) for name in look.asked()):
        return []
    message = "--last is given, but no selected asset is cut along time or integers"
    return [Problem("PLN002", message, at, _partitioned(look.graph))]


def _has_order(asset: Asset) -> bool:
    if asset.partition is None or asset.kind is Kind.SOURCE:
        return False
    return first_place(asset.partition.axis) is not None


def _partitioned(graph: Graph) -> str:
    names = [name for name in graph.order if _is_cut(graph.assets[name])]
    return f"partitioned: {', '.join(names[:8])}" if names else "no asset has a `partition:`"


def _is_cut(asset: Asset) -> bool:
    """A source in windows is looked at as a whole, whatever is asked for."""
    return asset.partition is not None and asset.kind is not Kind.SOURCE


def _unreadable(look: Outlook, cut: Iterable[Asset]) -> list[tuple[str, str]]:
    """What is wrong with the text itself, each once, with an asset of the axis that it does not fit; and
    what could be meant there."""
    found: dict[Axis, tuple[str, str]] = {}
    for asset in cut:
        assert asset.partition is not None
        try:
            look.named(asset)
        except ValueError as error:
            said = f"{error} (slices of '{asset.name}')", _example(look, asset)
            found.setdefault(asset.partition.axis, said)
    texts = {said.rpartition(" (slices")[0]: (said, hint) for said, hint in found.values()}
    if len(found) > 1 and len(texts) == 1:
        return [(said, hint) for said, (_, hint) in texts.items()]
    return list(found.values())


def _example(look: Outlook, asset: Asset) -> str:
    """Keys of this asset, as its axis has them."""
    assert asset.partition is not None
    axis = asset.partition.axis
    if isinstance(axis, TimeAxis):
        return EXAMPLE
    there = look.everything(asset)
    if isinstance(axis, ValueAxis):
        keys = [str(labels[0]) for labels in there.labels]
        few = ", ".join(keys[:SHOWN]) + (", ..." if len(keys) > SHOWN else "")
        return f"the values of '{asset.name}' are {few}"
    first = next(iter(there.each()), None)
    return f"write a key such as {first}" if first is not None else "it has no slice yet"


def _slices_there(look: Outlook, asset: Asset) -> str:
    assert asset.partition is not None
    return f"'{asset.name}' has {look.everything(asset) or 'no slice yet'}"
