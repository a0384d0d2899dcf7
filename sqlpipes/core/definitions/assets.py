"""@asset and @assets: functions whose results are assets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, overload

from sqlpipes.core.asset import Materialized
from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions import said
from sqlpipes.core.definitions.functions import (
    AssetDefinition,
    AssetFunction,
    AssetName,
    AssetsFunction,
    P,
    R,
    asset_name,
)
from sqlpipes.core.definitions.said import HowRead, Links
from sqlpipes.core.partitions import Partitioning
from sqlpipes.core.retry import Retry, retry_of


@overload
def asset(fn: Callable[P, R], /) -> AssetFunction[P, R]: ...


@overload
def asset(
    *,
    name: str | None = None,
    description: str | None = None,
    deps: Iterable[AssetName] = (),
    depends_on: Iterable[AssetName] = (),
    owner: str | None = None,
    owners: Iterable[str] = (),
    tags: Iterable[str] | str = (),
    kind: Iterable[str] | str = (),
    group: str | None = None,
    meta: Mapping[str, Plain] | None = None,
    metadata: Mapping[str, Plain] | None = None,
    links: Links = (),
    schema: str | None = None,
    engine: str | None = None,
    materialized: str | None = None,
    partition: Partitioning | None = None,
    strategy: str | None = None,
    unique_key: Iterable[str] | str = (),
    updated_at: str | None = None,
    merge_update_columns: Iterable[str] | str = (),
    merge_exclude_columns: Iterable[str] | str = (),
    check_columns: Iterable[str] | str = (),
    hard_deletes: str | None = None,
    snapshot_columns: Mapping[str, str] | None = None,
    on_schema_change: str | None = None,
    skip_unchanged: bool | None = None,
    native_partitions: bool | None = None,
    full_refresh: bool | None = None,
    path: str | None = None,
    checks: Iterable[Plain] = (),
    inputs: Mapping[str, HowRead] | None = None,
    version: str | None = None,
    retries: int | Retry | None = None,
    timeout_s: float | None = None,
    auto: str | Mapping[str, Plain] | None = None,
) -> Callable[[Callable[P, R]], AssetFunction[P, R]]: ...


def asset(
    fn: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    deps: Iterable[AssetName] = (),
    depends_on: Iterable[AssetName] = (),
    owner: str | None = None,
    owners: Iterable[str] = (),
    tags: Iterable[str] | str = (),
    kind: Iterable[str] | str = (),
    group: str | None = None,
    meta: Mapping[str, Plain] | None = None,
    metadata: Mapping[str, Plain] | None = None,
    links: Links = (),
    schema: str | None = None,
    engine: str | None = None,
    materialized: str | None = None,
    partition: Partitioning | None = None,
    strategy: str | None = None,
    unique_key: Iterable[str] | str = (),
    updated_at: str | None = None,
    merge_update_columns: Iterable[str] | str = (),
    merge_exclude_columns: Iterable[str] | str = (),
    check_columns: Iterable[str] | str = (),
    hard_deletes: str | None = None,
    snapshot_columns: Mapping[str, str] | None = None,
    on_schema_change: str | None = None,
    skip_unchanged: bool | None = None,
    native_partitions: bool | None = None,
    full_refresh: bool | None = None,
    path: str | None = None,
    checks: Iterable[Plain] = (),
    inputs: Mapping[str, HowRead] | None = None,
    version: str | None = None,
    retries: int | Retry | None = None,
    timeout_s: float | None = None,
    auto: str | Mapping[str, Plain] | None = None,
) -> Any:
    """Declare a function as an asset. Its parameters name its inputs; `context` gets an Execution.

    A function that returns rows or a frame becomes a table; one annotated `-> File`, or that returns
    only File(...), a file; one annotated `-> None` neither. `deps` (or `depends_on`, as in SQL) names
    inputs that are no parameters. `inputs` says per input which of its slices a slice reads: all,
    same, latest, as_of_build, or {"back": 6}. `version` stands for its code: it is built again when
    that text changes, and not when the code does. `metadata` is another word for `meta`.
    `auto` says when it is built by itself, as in SQL: "eager", "missing", {"cron": "0 6 * * *"}.

    `materialized="incremental"` merges rows by `unique_key` (or appends them), `"snapshot"` keeps every
    state of a key: options and meaning are those of SQL models. `path` says where a file will stand,
    when its function does not say it as a literal. Raises TypeError or ValueError for options that make
    no sense.

    >>> @asset(owner="ml@acme.com")
    ... def doubled(numbers): return [2 * n for n in numbers]
    >>> doubled([1, 2]), doubled.definition.owners
    ([2, 4], ('ml@acme.com',))
    """

    common = _common(
        deps=[*said.listed(deps, "deps"), *said.listed(depends_on, "depends_on")],
        owners=[*([owner] if owner else []), *said.listed(owners, "owners")],
        tags=tags,
        kind=kind,
        group=group,
        meta={**(meta or {}), **(metadata or {})},
        links=said.links(links),
        schema=schema,
        engine=engine,
        materialized=said.materialized(materialized),
        partition=said.cut(partition),
        kept=said.kept(
            strategy=strategy,
            unique_key=unique_key,
            updated_at=updated_at,
            merge_update_columns=merge_update_columns,
            merge_exclude_columns=merge_exclude_columns,
            check_columns=check_columns,
            hard_deletes=hard_deletes,
            snapshot_columns=snapshot_columns,
            on_schema_change=on_schema_change,
            skip_unchanged=skip_unchanged,
            native_partitions=native_partitions,
            full_refresh=full_refresh,
        ),
        path=said.text_or_none(None if path is None else str(path), "path"),
        checks=tuple(said.listed(checks, "checks")),
        inputs=said.mappings(inputs or {}),
        version=said.text_or_none(version, "version"),
        retries=retries,
        timeout_s=timeout_s,
        auto=said.automation(auto),
    )

    def decorate(function: Callable[..., Any]) -> AssetFunction[..., Any]:
        plain = said.plain_function(function, "asset")
        own = name or said.name_of(plain, "asset")
        return AssetFunction(plain, AssetDefinition(own, description, **common))

    return decorate if fn is None else decorate(fn)


@dataclass(frozen=True, slots=True)
class Out:
    """What one of several assets of a function has of its own."""

    description: str | None = None
    owner: str | None = None
    tags: Iterable[str] | str = ()
    group: str | None = None
    meta: Mapping[str, Plain] = field(default_factory=dict)
    links: Links = ()
    schema: str | None = None
    engine: str | None = None
    checks: Iterable[Plain] = ()


def assets(
    *,
    outs: Mapping[str, Out] | Iterable[str],
    deps: Iterable[AssetName] = (),
    owner: str | None = None,
    tags: Iterable[str] | str = (),
    kind: Iterable[str] | str = (),
    group: str | None = None,
    meta: Mapping[str, Plain] | None = None,
    links: Links = (),
    schema: str | None = None,
    engine: str | None = None,
    partition: Partitioning | None = None,
    native_partitions: bool | None = None,
    inputs: Mapping[str, HowRead] | None = None,
    version: str | None = None,
    retries: int | Retry | None = None,
    timeout_s: float | None = None,
    auto: str | Mapping[str, Plain] | None = None,
) -> Callable[[Callable[P, R]], AssetsFunction[P, R]]:
    """Declare a function that makes several tables: it returns {name: rows}, or yields (name, rows).

    `context.selected` holds the names that are asked for; others need not be made. Options are those
    of @asset, for all of them; an Out adds to them. Each is checked and published by itself.

    >>> @assets(outs={"paid": Out(checks=[{"unique": "id"}]), "open": Out()}, owner="a@b.c")
    ... def split(orders): return {"paid": orders, "open": []}
    >>> [each.name for each in split.definition]
    ['paid', 'open']
    """
    named = (
        dict(outs) if isinstance(outs, Mapping) else {n: Out() for n in said.listed(outs, "outs")}
    )
    if not named or not all(isinstance(n, str) and isinstance(o, Out) for n, o in named.items()):
        raise TypeError("outs are names, or Out(...) by name, and at least one")
    options: dict[str, Any] = {
        "deps": said.listed(deps, "deps"),
        "partition": said.cut(partition),
        "kept": said.kept(native_partitions=native_partitions),
        "kind": kind,
        "inputs": said.mappings(inputs or {}),
        "version": said.text_or_none(version, "version"),
        "retries": retries,
        "timeout_s": timeout_s,
        "auto": said.automation(auto),
    }
    definitions = []
    for name, out in named.items():
        own = _common(
            owners=[each for each in (out.owner or owner,) if each],
            tags=[*said.listed(tags, "tags"), *said.listed(out.tags, "tags")],
            group=out.group or group,
            meta={**(meta or {}), **out.meta},
            links={**said.links(links), **said.links(out.links)},
            schema=out.schema or schema,
            engine=out.engine or engine,
            materialized=Materialized.TABLE,
            checks=tuple(said.listed(out.checks, "checks")),
            **options,
        )
        definitions.append(AssetDefinition(name, out.description, **own))

    def decorate(function: Callable[P, R]) -> AssetsFunction[P, R]:
        return AssetsFunction(said.plain_function(function, "assets"), tuple(definitions))

    return decorate


def _common(
    *,
    deps: list[Any],
    owners: list[Any],
    tags: Any,
    kind: Any,
    retries: Any,
    timeout_s: Any,
    **rest: Any,
) -> dict[str, Any]:
    """Fields of an AssetDefinition that want a look before they are taken."""
    return {
        "deps": tuple(dict.fromkeys(asset_name(item) for item in deps)),
        "owners": said.texts(owners, "owners"),
        "tags": said.texts(said.listed(tags, "tags"), "tags"),
        "kinds": said.texts(said.listed(kind, "kind"), "kind"),
        "retry": retry_of(retries),
        "timeout_s": said.seconds(timeout_s, "timeout_s"),
        **rest,
    }
