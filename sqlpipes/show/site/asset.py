"""One asset in full -> its document: what is said of it, columns and lineage, SQL, slices, history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlpipes.api import AssetPage, Overview, standing
from sqlpipes.core.asset import Asset, Check
from sqlpipes.core.plan import Action
from sqlpipes.show.cards import column_json, labels_json, values_json
from sqlpipes.show.site.overview import node_state
from sqlpipes.show.site.slices import slices_document

if TYPE_CHECKING:
    from sqlpipes.core.lineage import ColumnFacts
    from sqlpipes.stores import CheckRecord, Note

MOST = 100  # steps, and results of one check: the newest


def asset_document(seen: Overview, page: AssetPage) -> dict[str, Any]:
    project, item = seen.project, page.status
    asset = project.graph.assets[item.asset]
    facts = page.facts
    return {
        "name": asset.name,
        "kind": str(asset.kind),
        "materialized": str(asset.materialized),
        "relation": asset.place,
        "path": asset.path,
        "line": asset.at.line,
        **labels_json(asset),
        "partition": str(asset.partition.axis) if asset.partition else None,
        "auto": str(item.auto) if item.auto else None,
        "state": node_state(asset, item),
        "reasons": [str(reason) for reason in item.step.reasons] if item.step else [],
        "written_at": item.written_at.isoformat() if item.written_at else None,
        "inputs": list(project.graph.parents(asset.name)),
        "readers": list(page.readers),
        "columns": [column_json(column) for column in page.columns],
        "complete": facts is not None and facts.complete,
        "edges": edges_document(facts),
        "checks": _checks(project.graph.checks, asset, page.checks),
        "sql": _texts(page),
        "slices": slices_document(item),
        "history": [_step(note) for note in page.notes[-MOST:]],
        "logged": _logged(page.notes),
    }


def edges_document(facts: ColumnFacts | None) -> list[dict[str, Any]]:
    """Where each column comes from; `column` null: what decides the rows. "*": a column that has no name."""
    return [
        {
            "column": edge.column,
            "asset": edge.table,
            "source": edge.source,
            "kind": str(edge.kind),
            "expression": edge.expression,
            "at": {
                "file": edge.file,
                "line": edge.line,
                "column": edge.column_at,
                "length": edge.length,
            },
        }
        for edge in (facts.edges if facts else ())
        if edge.table
    ]


def _checks(
    known: Mapping[str, Check], asset: Asset, results: Sequence[CheckRecord]
) -> list[dict[str, Any]]:
    """Those of today, with their results; of one that is gone there is nothing."""
    past: dict[str, list[CheckRecord]] = {}
    for record in results:
        past.setdefault(record.check, []).append(record)
    own = [check for check in known.values() if check.asset == asset.name]
    return [_check(check, past.get(check.name, [])[-MOST:]) for check in own]


def _check(check: Check, results: Sequence[CheckRecord]) -> dict[str, Any]:
    last = standing(results).get(check.name)
    return {
        "name": check.name,
        "type": check.type,
        "severity": str(check.severity),
        "columns": list(check.columns),
        "description": check.description,
        "status": str(last.status) if last else None,
        "failures": last.failures if last else None,
        "message": last.message if last else "",
        "at": last.at.isoformat() if last else None,
        "sample": _sample(last),
        "results": [[r.at.isoformat(), str(r.status), r.failures, r.run_id] for r in results],
    }


def _sample(last: CheckRecord | None) -> dict[str, Any] | None:
    if last is None or not last.sample:
        return None
    rows = [[None if v is None else str(v) for v in row] for row in last.sample]
    return {"columns": list(last.columns), "rows": rows}


def _texts(page: AssetPage) -> dict[str, Any]:
    written = page.written
    ran = next((note for note in reversed(page.notes) if note.step.statements), None)
    return {
        "written": [written.text, written.line, written.language] if written else None,
        "compiled": page.compiled,
        "ran": list(ran.step.statements) if ran else [],
        "ran_in": ran.run_id if ran else None,
    }


def _step(note: Note) -> dict[str, Any]:
    step = note.step
    return {
        "run": note.run_id,
        "at": (step.finished_at or step.started_at).isoformat(),
        "status": str(step.status),
        "action": step.action,
        "rows": step.rows,
        "seconds": step.seconds,
        "bytes": step.bytes,
        "slices": "" if step.slices.is_whole else str(step.slices),
        "reasons": list(step.reasons),
    }


def _logged(notes: Iterable[Note]) -> dict[str, Any]:
    """What its newest build recorded of itself."""
    built = [n.step for n in notes if n.step.action not in (Action.CHECK, Action.EXTRAS)]
    return values_json(built[-1].metadata) if built else {}
