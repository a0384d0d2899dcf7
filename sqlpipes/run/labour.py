"""A part of a step -> done, in a thread of its own: its connection, its place, then `publish.carry_out`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import partial
from threading import Lock

from sqlpipes.core.asset import Asset, PythonBody
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Connection
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import as_naive_utc
from sqlpipes.core.sql import Relation
from sqlpipes.run.blocked import Watch
from sqlpipes.run.bounds import Bounds
from sqlpipes.run.copies import Copies
from sqlpipes.run.failures import broken
from sqlpipes.run.families import Families
from sqlpipes.run.files import Places
from sqlpipes.run.job import Job
from sqlpipes.run.lost import connected
from sqlpipes.run.outcome import Order, Outcome
from sqlpipes.run.publish import carry_out
from sqlpipes.run.python import Place
from sqlpipes.run.record import Settings
from sqlpipes.run.signing import limit_of, prepare
from sqlpipes.run.warehouse import Warehouses


@dataclass(frozen=True, slots=True)
class Site:
    """What all parts of a run share. `outputs` grows while it runs: assets that are files, and where."""

    graph: Graph
    settings: Settings
    families: Families
    files: frozenset[str]  # the assets that are files
    outputs: Mapping[str, str]
    turns: Mapping[str, Lock]  # see `run/taking.py`
    watch: Watch
    begun: set[Relation] = field(default_factory=set)  # journals of parts that were tried already
    copies: Copies | None = None  # None: others may write what crosses meanwhile


def labour(
    site: Site,
    warehouses: Warehouses,
    order: Order,
    connect: Callable[..., Connection],
    job: Job,
) -> Outcome:
    """Runs in a thread of the crew, on its connections. Never raises: the outcome says what went wrong."""
    settings = site.settings
    try:
        files = Places(_bounds(site, order.asset))
        job.writes_aside = lambda: files.used
        asset, target = order.asset, settings.target.on(order.asset.engine)
        say, times = job.said.put, target.retries
        engine = partial(connect, asset.engine)
        connection = connected(engine, times, job.go_on, say)
        job.start(connection)
        site.watch.begin(job, asset.engine)
        prepare(connection, target, settings.run_id, asset, order.slices)
        place = Place(
            site.graph,
            warehouses.of(asset).apart(asset.name, order.slices),
            connection,
            settings.target.name,
            settings.root,
            settings.vars,
            files,
            renew=partial(_renewed, settings, order, partial(engine, anew=True)),
            retries=times,
            say=say,
            limit=limit_of(asset, target),
            families=site.families,
            run_id=settings.run_id,
            outputs=site.outputs,
            resource=partial(settings.resources.get, go_on=job.go_on),
            mask=settings.mask,
            warehouses=warehouses,
            connect=connect,
            turns=site.turns,
            begun=site.begun,
            copies=site.copies,
        )
        return carry_out(order, place, job, lambda: as_naive_utc(settings.clock()))
    except BaseException as error:  # a thread that dies silently would never be waited for
        return broken(order, error, job)
    finally:
        site.watch.end(job)
        job.end()


def _renewed(settings: Settings, order: Order, connect: Callable[[], Connection]) -> Connection:
    """Another connection, that knows what the first one was told."""
    connection = connect()
    target = settings.target.on(order.asset.engine)
    prepare(connection, target, settings.run_id, order.asset, order.slices)
    return connection


def _bounds(site: Site, asset: Asset) -> Bounds:
    """What the asset's function may write."""
    root = os.path.abspath(site.settings.root)
    declared = asset.body.path if isinstance(asset.body, PythonBody) else ""
    declared = asset.export.path if asset.export else declared
    recorded = site.outputs.get(asset.name, "")
    declared, recorded = (
        os.path.normpath(os.path.join(root, path)) if path else "" for path in (declared, recorded)
    )
    kept, is_query = site.settings.kept, asset.export is not None
    others = site.files - {asset.name}
    return Bounds(asset.name, root, declared, recorded, kept, others, is_query)
