"""What an asset or a check can be called by, one function a method: universe + asset -> words.

Each takes the method's argument too (`meta.team` of `config.meta.team:`), empty for most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlpipes.core.asset import Asset, Check, Kind, SourceBody
from sqlpipes.core.config import OWN_ENGINE
from sqlpipes.core.errors import Severity
from sqlpipes.core.status import Status

from .patterns import folders, plain_path
from .universe import Universe

Labels = Iterable[str]

UNIT = "unit"  # the type of what stands for a unit test
WRITTEN_CHECKS = ("sql", "python", UNIT)  # types of checks that have a file of their own
INSTALLED = ("dbt_packages/", "dbt_modules/")


def asset_names(universe: Universe, asset: Asset, argument: str) -> Labels:
    """Its name and the dotted beginnings of its path. A source goes by its full name only."""
    yield asset.name
    full = asset.fqn or (asset.name,)
    if asset.kind is Kind.SOURCE:
        return
    yield full[-1]
    for parts in (full, full[1:]):
        yield from (".".join(parts[: i + 1]) for i in range(len(parts)))


def check_names(universe: Universe, check: Check, argument: str) -> Labels:
    """Its name and the beginnings of at least two parts: 'orders' alone is the asset."""
    yield check.name
    parts = check.name.split(".")
    yield from (".".join(parts[: i + 1]) for i in range(1, len(parts)))


def asset_tags(universe: Universe, asset: Asset, argument: str) -> Labels:
    return asset.tags


def check_tags(universe: Universe, check: Check, argument: str) -> Labels:
    return check.tags


def asset_paths(universe: Universe, asset: Asset, argument: str) -> Labels:
    return folders(asset.path)


def check_paths(universe: Universe, check: Check, argument: str) -> Labels:
    """Only checks with a file of their own: those of a column come along with their asset."""
    return folders(check.at.file) if check.at and check.type in WRITTEN_CHECKS else ()


def asset_file(universe: Universe, asset: Asset, argument: str) -> Labels:
    return _file_names(asset.path)


def check_file(universe: Universe, check: Check, argument: str) -> Labels:
    return _file_names(check.at.file) if check.at and check.type in WRITTEN_CHECKS else ()


def _file_names(path: str) -> Labels:
    name = plain_path(path).rpartition("/")[2]
    return (name, name.rpartition(".")[0] or name)


def asset_package(universe: Universe, asset: Asset, argument: str) -> Labels:
    """The project's name, and `this` for the one that is being run."""
    own = universe.facts.project
    undeclared = isinstance(asset.body, SourceBody) and asset.body.implicit
    package = own if undeclared or len(asset.fqn) < 2 else asset.fqn[0]
    if package == own if own else not plain_path(asset.path).startswith(INSTALLED):
        yield "this"
    if package:
        yield package


def asset_source(universe: Universe, asset: Asset, argument: str) -> Labels:
    """`shop`, `shop.orders` and `package.shop.orders` for the table `orders` of the source `shop`."""
    if asset.kind is not Kind.SOURCE:
        return
    source, dot, _ = asset.name.rpartition(".")
    yield asset.name
    if dot:
        yield source
        if len(asset.fqn) > 1:
            yield from (f"{asset.fqn[0]}.{source}", f"{asset.fqn[0]}.{asset.name}")


def asset_resource_type(universe: Universe, asset: Asset, argument: str) -> Labels:
    if asset.snapshot is not None:
        return ("snapshot",)
    return (str(asset.kind),) if asset.kind in (Kind.SEED, Kind.SOURCE) else ("model",)


def check_resource_type(universe: Universe, check: Check, argument: str) -> Labels:
    return ("unit_test",) if check.type == UNIT else ("test", "check")


def asset_kind(universe: Universe, asset: Asset, argument: str) -> Labels:
    """What it is written as, and the user's own words for it."""
    return (str(asset.kind), *asset.kinds)


def asset_group(universe: Universe, asset: Asset, argument: str) -> Labels:
    return (asset.group,) if asset.group else ()


def asset_owners(universe: Universe, asset: Asset, argument: str) -> Labels:
    return asset.owners


def check_type(universe: Universe, check: Check, argument: str) -> Labels:
    return (check.type,)


def unit_test_names(universe: Universe, check: Check, argument: str) -> Labels:
    return (check.name,) if check.type == UNIT else ()


def check_test_type(universe: Universe, check: Check, argument: str) -> Labels:
    if check.type == UNIT:
        return (UNIT,)
    return ("singular" if check.type in WRITTEN_CHECKS else "generic", "data")


def asset_engine(universe: Universe, asset: Asset, argument: str) -> Labels:
    """Sources, too: they live somewhere as well."""
    return (asset.engine or OWN_ENGINE,)


def asset_config(universe: Universe, asset: Asset, argument: str) -> Labels:
    """The value under a dotted key of the settings as written, else what the asset itself says."""
    return _texts(_dig(asset_settings(asset), argument.split(".")))


def check_config(universe: Universe, check: Check, argument: str) -> Labels:
    severity = ("warn", "warning") if check.severity is Severity.WARNING else ("error",)
    own = {"severity": severity, "where": check.where, "tags": check.tags}
    return _texts(_dig(own, argument.split(".")))


def asset_settings(asset: Asset) -> dict[str, object]:
    """The settings as written, over what they leave out when it is the default."""
    relation = asset.relation
    return {
        "enabled": True,
        "materialized": str(asset.materialized),
        "schema": relation.schema if relation else None,
        "database": relation.catalog if relation else None,
        "alias": relation.name if relation else None,
        "tags": asset.tags,
        "owner": asset.owners,
        "group": asset.group,
        "unique_key": asset.unique_key,
        "meta": asset.meta,
        **asset.settings,
    }


def _dig(value: object, keys: list[str]) -> object:
    """What stands under nested keys; a key may itself hold dots. None when there is nothing."""
    if not keys:
        return value
    if not isinstance(value, Mapping):
        return None
    for taken in range(1, len(keys) + 1):
        found = _dig(value.get(".".join(keys[:taken])), keys[taken:])
        if found is not None:
            return found
    return None


def _texts(value: object) -> tuple[str, ...]:
    """A value as a user types it; a list fits by any of its members, a mapping by its keys."""
    if value is None:
        return ()
    if isinstance(value, bool):
        return (str(value).lower(),)
    if isinstance(value, (list, tuple, Mapping)):
        return tuple(text for item in value for text in _texts(item))
    return (str(value),)


def asset_status(universe: Universe, asset: Asset, argument: str) -> Labels:
    return _statuses(universe, asset.name)


def check_status(universe: Universe, check: Check, argument: str) -> Labels:
    """`pass` is dbt's word for a check that succeeded."""
    found = _statuses(universe, check.name)
    return (*found, "pass") if found == (str(Status.SUCCESS),) else found


def _statuses(universe: Universe, name: str) -> tuple[str, ...]:
    status = (universe.facts.results or {}).get(name)
    return () if status is None else (str(status),)


def asset_states(universe: Universe, asset: Asset, argument: str) -> Labels:
    return _states(universe, asset.name)


def check_states(universe: Universe, check: Check, argument: str) -> Labels:
    """Only checks that somebody compared: unlisted ones come along with their asset."""
    known = check.name in (universe.facts.modified or {})
    return _states(universe, check.name) if known else ()


def _states(universe: Universe, name: str) -> Labels:
    changed = (universe.facts.modified or {}).get(name, frozenset())
    if "new" in changed:
        return ("new", "modified")
    if not changed:
        return ("old", "unmodified")
    return ("old", "modified", *(f"modified.{part}" for part in changed))


def asset_freshness(universe: Universe, asset: Asset, argument: str) -> Labels:
    return ("fresher",) if asset.name in (universe.facts.fresher_sources or ()) else ()
