"""One asset of a plan -> text and JSON: what happens to it, and which slices of each input it reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from click import style

from sqlpipes.core.asset import Asset, Kind, SourceBody
from sqlpipes.core.graph import Graph, Input
from sqlpipes.core.partitions import reach_text
from sqlpipes.core.plan import Plan, Step
from sqlpipes.core.reads import Mapped, Proof
from sqlpipes.show.letters import padded, plain, width_of
from sqlpipes.show.plan import slices_text

SAID = {
    Mapped.ALL: "everything: any change of it re-opens every slice",
    Mapped.SAME: "the slices of its own window",
    Mapped.LATEST: "its newest slice",
    Mapped.AS_OF_BUILD: "as it is when a slice is built: a later change re-opens nothing",
    Mapped.PROVEN: "the slices that the query names",
}
SLICED = (Mapped.SAME, Mapped.LATEST)
WHOLE = "everything: the asset has no slices, so any change of it counts"

ITSELF = "itself: every slice after one that is built again is, too"
ITS_ROWS = "itself: what it held before"


def why_text(graph: Graph, plan: Plan, name: str) -> str:
    """What `plan --why` prints."""
    asset = graph.assets[name]
    lines = [style(plain(name), bold=True) + _cut(asset), *_step_lines(plan, name)]
    edges = graph.inputs[name]
    reads_self = name in graph.reads_self
    if edges or reads_self:
        lines += ["", "reads"]
    names = [edge.name for edge in _flat(edges)] + ([name] if reads_self else [])
    room = max((width_of(plain(each)) for each in names), default=0)
    for edge in edges:
        lines += _edge_lines(graph, asset, edge, room, "  ")
    if reads_self:
        lines.append(f"  {padded(plain(name), room)}  " + (ITSELF if asset.partition else ITS_ROWS))
    return "\n".join(lines)


def why_json(graph: Graph, plan: Plan, name: str) -> dict[str, Any]:
    step = _step(plan, name)
    return {
        "asset": name,
        "slices": str(step.slices) if step else "",
        "reasons": [str(reason) for reason in step.reasons] if step else [],
        "spared": _proofs(plan, name),
        "reads_itself": name in graph.reads_self,
        "inputs": [_edge_json(graph, edge) for edge in graph.inputs[name]],
    }


def _proofs(plan: Plan, name: str) -> list[str]:
    """Why it is not built although something that it reads is newer."""
    return [each.proof for each in plan.spared if each.asset == name]


def _step(plan: Plan, name: str) -> Step | None:
    return next((step for step in plan.steps if step.asset == name), None)


def _cut(asset: Asset) -> str:
    if asset.partition is None:
        return ", not partitioned"
    return f", a slice is one {asset.partition.axis} of {' and '.join(asset.partition.columns)}"


def _step_lines(plan: Plan, name: str) -> Iterator[str]:
    step = _step(plan, name)
    if step is None:
        yield style("  current", fg="green") if name in plan.current else "  nothing to do"
        for proof in _proofs(plan, name):
            yield "    " + style(f"spared: {plain(proof)}", fg="green")
        return
    yield f"  {step.action}  " + style(slices_text(step.slices).rstrip(), fg="cyan")
    for reason in step.reasons:
        is_part = reason.slices is not None and reason.slices != step.slices
        cut = slices_text(reason.slices).rstrip() if reason.slices and is_part else ""
        yield "    " + style(plain(str(reason)), fg="yellow") + (f"  {cut}" if cut else "")


def _flat(edges: tuple[Input, ...]) -> Iterator[Input]:
    for edge in edges:
        yield edge
        yield from _flat(edge.behind)


def _edge_lines(graph: Graph, reader: Asset, edge: Input, room: int, indent: str) -> Iterator[str]:
    head = f"{indent}{padded(plain(edge.name), room)}  "
    if edge.behind:
        word = f" (declared `{_word(edge)}` under `inputs:`)" if edge.reads.declared else ""
        yield f"{head}what it reads in turn{word}:"
        for behind in edge.behind:
            yield from _edge_lines(graph, reader, behind, room, indent + "  ")
        return
    if reader.partition is None and edge.reads.how in (Mapped.ALL, Mapped.SAME, Mapped.PROVEN):
        yield head + WHOLE
    elif edge.reads.how is Mapped.PROVEN:
        for proof in edge.reads.proofs:
            yield head + _proof(edge.name, proof)
            for at, text in ((proof.at, proof.text), *proof.via):
                yield " " * width_of(head) + style(plain(f"{at}  {text}"), dim=True)
            head = " " * width_of(head)
    else:
        yield f"{head}{_said(graph, edge)} ({_because(graph, edge)})"


def _counts_as(graph: Graph, edge: Input) -> Mapped:
    """What is declared of slices means everything where there are none."""
    has_slices = graph.assets[edge.name].partition is not None or edge.behind
    return edge.reads.how if has_slices or edge.reads.how not in SLICED else Mapped.ALL


def _because(graph: Graph, edge: Input) -> str:
    if not edge.reads.declared:
        return _unproven(graph, edge)
    if _counts_as(graph, edge) is edge.reads.how:
        return "as declared under `inputs:`"
    source = graph.assets[edge.name]
    lack = "it has no slices"
    if not source.is_stored:
        lack = "it stores nothing, and does not copy the partition column of one table behind it"
    return f"`{_word(edge)}` is declared under `inputs:`, but {lack}"


def _word(edge: Input) -> str:
    near = [("back", edge.reads.back), ("ahead", edge.reads.ahead)]
    said = ", ".join(f"{word}: {number}" for word, number in near if number)
    return f"{{{said}}}" if said else str(edge.reads.how)


def _said(graph: Graph, edge: Input) -> str:
    if _counts_as(graph, edge) is not edge.reads.how:
        return SAID[Mapped.ALL]
    near = [(edge.reads.back, "before"), (edge.reads.ahead, "after")]
    counted = " and ".join(f"{number} {word}" for number, word in near if number)
    return SAID[edge.reads.how] + (f", and {counted}" if counted else "")


def _proof(name: str, proof: Proof) -> str:
    roads = " or ".join(dict.fromkeys(reach_text(reach) for reach in proof.reaches))
    return f"{name}.{proof.source} -> {proof.own}: {roads} (proven)"


def _unproven(graph: Graph, edge: Input) -> str:
    """Why nothing less is known, as far as the graph shows it."""
    source = graph.assets[edge.name]
    if isinstance(source.body, SourceBody) and source.body.files:
        return "nothing is proven of files; `inputs:` can say it"
    if edge.unseen:
        return "it stands under `depends_on`, so the query may not show all"
    if source.is_stored and source.partition is None:
        return "it has no slices of its own"
    if source.partition is not None and edge.elsewhere:
        return _elsewhere(source, edge.elsewhere)
    return "the query does not prove less; `inputs:` can say it"


def _elsewhere(source: Asset, columns: tuple[str, ...]) -> str:
    """The query says it, but along another column than the one that is looked at."""
    assert source.partition is not None
    cut, proven = " and ".join(source.partition.columns), " and ".join(columns)
    if source.kind is not Kind.SOURCE:
        return f"its slices are those of {cut}, and this query is proven along {proven}"
    said = f"it is looked at in windows of {cut}, and this query is proven along {proven}"
    return f"{said}; `partition:` of the source says which column counts"


def _edge_json(graph: Graph, edge: Input) -> dict[str, Any]:
    return {
        "name": edge.name,
        "reads": str(edge.reads.how),
        "counts_as": str(_counts_as(graph, edge)),
        "declared": edge.reads.declared,
        "proven_along": list(edge.elsewhere),
        "back": edge.reads.back,
        "ahead": edge.reads.ahead,
        "proofs": [_proof_json(proof) for proof in edge.reads.proofs],
        "behind": [_edge_json(graph, behind) for behind in edge.behind],
    }


def _proof_json(proof: Proof) -> dict[str, Any]:
    return {
        "column": proof.own,
        "input_column": proof.source,
        "reach": [reach_text(reach) for reach in proof.reaches],
        "at": str(proof.at),
        "text": proof.text,
        "via": [{"at": str(at), "text": text} for at, text in proof.via],
    }
