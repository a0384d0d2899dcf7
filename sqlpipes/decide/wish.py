"""What was asked of a plan, and which slices that means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime

from sqlpipes.core.asset import Asset, Kind
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import WHOLE, Partitions, meets, narrowed
from sqlpipes.core.plan import Reason
from sqlpipes.core.windows import Sighting
from sqlpipes.decide.aware import Aware


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for. `partitions` is text as in `--partition`; it narrows partitioned assets only.

    `last`: only so many of the newest slices of each of these. `slices`: only these, per asset.
    `missing`, `failed` and `stale` leave only slices that were never built, whose newest attempt
    failed, and that are built but no longer right; several of them are put together.
    `forced`: these are built though they are current, and why.
    `observe`: sources to look at although they are not among `names`, for the sake of their readers.
    """

    names: frozenset[str]
    observe: frozenset[str] = frozenset()
    partitions: str | None = None
    last: int | None = None
    as_of: datetime | None = None  # naive UTC: only the newest slice that was complete then
    slices: Mapping[str, Partitions] = field(default_factory=dict)
    missing: bool = False
    failed: bool = False
    stale: bool = False
    newest_first: bool | None = None  # None: as each asset says
    force: bool = False
    forced: Mapping[str, Reason] = field(default_factory=dict)
    full_refresh: bool = False
    empty: bool = False
    only_checks: bool = False
    checks: frozenset[str] | None = None  # which checks to run when nothing else is; None: all

    @property
    def picks(self) -> bool:
        """Whether slices are left out for what they are like."""
        return self.missing or self.failed or self.stale

    @property
    def narrows(self) -> bool:
        """Whether slices that should be built may be left out."""
        return (
            self.picks
            or self.partitions is not None
            or bool(self.last or self.as_of or self.slices)
        )

    def narrows_slices_of(self, name: str) -> bool:
        """The same of one asset: `slices` may be about others only."""
        said = self.picks or self.partitions is not None or self.last is not None
        return said or name in self.slices


@dataclass(frozen=True, slots=True)
class Observed:
    """What the outside looks like just before planning.

    tokens: of each source that was looked at; None when it cannot be known, so it counts as changed.
    existing: assets whose relation is in the warehouse; None when nothing can have changed since
    the last build, so nobody looked.
    gone_files: assets that wrote a file which is not there any more.
    values: per asset and column, what the query under `values_from` finds; assets whose query cannot
    be asked yet are missing.
    windows: of sources that are cut into windows and of which any has moved.
    """

    tokens: Mapping[str, str | None] = field(default_factory=dict)
    existing: frozenset[str] | None = None
    gone_files: frozenset[str] = frozenset()
    values: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    windows: Mapping[str, Sighting] = field(default_factory=dict)

    def lacks(self, asset: Asset) -> bool:
        """Whether somebody looked and what the asset once wrote is not there."""
        if asset.name in self.gone_files:
            return True
        seen = asset.relation is not None and self.existing is not None
        return seen and asset.name not in (self.existing or ())

    def has(self, name: str) -> bool:
        """Whether somebody looked and the asset's relation is there."""
        return self.existing is not None and name in self.existing


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a plan is made from, but for the history, which moves on while it is made."""

    graph: Graph
    wish: Wish
    observed: Observed
    now: datetime  # naive UTC
    aware: Aware | None = None  # None: all columns of an input count

    def after(self, name: str) -> Outlook:
        """The same once this asset is built."""
        if self.aware is None or self.graph.assets[name].is_stored:
            return self
        return replace(self, aware=self.aware.with_fresh(name))

    def asked(self) -> list[str]:
        return [name for name in self.graph.order if name in self.wish.names]

    def wanted(self, asset: Asset) -> Partitions:
        """The slices of the asset that the wish is about. ValueError when it names none that can be."""
        wanted = self.named(asset)
        if wanted.is_whole or not wanted:
            return wanted
        if self.wish.last is not None:
            wanted &= self.everything(asset).newest(self.wish.last)
        if self.wish.as_of is not None:
            wanted &= self.everything(asset, self.wish.as_of).newest(1)
        only = self.wish.slices.get(asset.name)
        if only is not None and meets(only.axis, wanted.axis):
            wanted &= only.overlapping(wanted.axis)
        return wanted

    def named(self, asset: Asset) -> Partitions:
        """What `--partition` names of it. ValueError when it names none that can be."""
        wanted = self.everything(asset)
        if wanted.is_whole or self.wish.partitions is None or not wanted:
            return wanted
        return narrowed(wanted, self.wish.partitions)

    def everything(self, asset: Asset, at: datetime | None = None) -> Partitions:
        """The slices of the asset that should exist, now or at an instant; none while its values are not
        known.

        What a source is cut into is looked at, not wanted.
        """
        if asset.partition is None or asset.kind is Kind.SOURCE:
            return WHOLE
        if self.lacks_values(asset):
            return Partitions(asset.partition.axis)
        return asset.partition.wanted(at or self.now, self.observed.values.get(asset.name, {}))

    def lacks_values(self, asset: Asset) -> bool:
        """Whether a query is to find the values of its slices, and finds none yet."""
        if asset.partition is None:
            return False
        known = self.observed.values.get(asset.name, {})
        return any(not known.get(cut.column) for cut in asset.partition.asks)

    def waiting(self) -> tuple[str, ...]:
        """Assets without values yet, and what reads them: they are planned when there are some."""
        found: dict[str, None] = {}
        for name in () if self.wish.only_checks else self.asked():
            waits = any(parent in found for parent in self.graph.parents(name))
            if waits or self.lacks_values(self.graph.assets[name]):
                found[name] = None
        return tuple(found)
