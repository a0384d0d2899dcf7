"""A part of a step -> statements that build it beside its relation, for engines that cannot roll back DDL.

Rows are staged in tables of their own, audited there, and seen by the checks through a shadow of the
relation: what it is going to be. What then brings them before its readers is a PUBLISH, which is said last
and by way of the journal (`run/journal.py`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from sqlpipes.core.asset import Materialized
from sqlpipes.core.plan import Action
from sqlpipes.core.sql import Relation
from sqlpipes.run.beside.merges import incremental
from sqlpipes.run.beside.pieces import how_of, named
from sqlpipes.run.beside.slices import slices
from sqlpipes.run.beside.snapshots import snapshot
from sqlpipes.run.beside.tables import table, view
from sqlpipes.run.journal import JOURNAL, OURS, mark_of
from sqlpipes.run.statement import Beside, Transaction
from sqlpipes.run.work import Work, stage_of

VIEWS = ("shadow", "states")
TABLES = ("rows", "image")


def beside_sql(work: Work) -> Transaction:
    """See `part_sql`. Names hang on the build, the asset and the slices: parts do not meet, nor do builds,
    and a second try finds what the first has left."""
    work = replace(work, warehouse=replace(work.warehouse, temporary=_namer(work)))
    found = _shaped(work)
    shadow = found.beside.shadow if found.beside else named(work, "shadow")
    tables = (*(named(work, kind) for kind in TABLES), stage_of(work.asset, work.warehouse))
    views = tuple(named(work, kind) for kind in VIEWS)
    return replace(found, beside=Beside(shadow, named(work, "journal"), tables, views))


def _shaped(work: Work) -> Transaction:
    if work.asset.partition is not None:
        return slices(work)
    if work.asset.materialized is Materialized.INCREMENTAL:
        return incremental(work)
    if work.asset.materialized is Materialized.SNAPSHOT:
        return snapshot(work)
    return view(work) if work.step.action is Action.VIEW else table(work)


def _namer(work: Work) -> partial[Relation]:
    said = f"{work.relation} {work.step.slices}"
    digest = hashlib.blake2b(said.encode(), digest_size=5).hexdigest()
    mark = f"{mark_of(how_of(work).builder)}{digest}_"
    return partial(_beside, work.relation, mark, work.warehouse.temporary)


def _beside(
    relation: Relation, mark: str, elsewhere: Callable[[str], Relation], name: str
) -> Relation:
    """Small letters, digits and underlines, at most 60: what the strictest catalogs take."""
    if name.startswith("sqlpipes_from_"):  # what has crossed from another engine
        return elsewhere(name)
    kind = name.removeprefix("sqlpipes_")
    begin = (JOURNAL if kind == "journal" else OURS) + mark
    said = relation.name if kind == "journal" else f"{relation.name}_{kind}"
    plain = re.sub(r"[^a-z0-9_]", "_", said.lower())
    return Relation(begin + plain[len(begin) - 60 :], relation.schema, relation.catalog)
