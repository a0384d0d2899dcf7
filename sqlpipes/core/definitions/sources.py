"""source and @observe: data that somebody else writes, and functions that tell which version there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.definitions import said
from sqlpipes.core.definitions.entries import Entry, entry
from sqlpipes.core.definitions.functions import ObserveDefinition, ObserveFunction, P, R


def source(
    name: str,
    *,
    tables: Iterable[Plain] | None = None,
    files: str | Iterable[str] | None = None,
    schema: str | None = None,
    engine: str | None = None,
    database: str | None = None,
    catalog: str | None = None,
    description: str | None = None,
    owner: str | None = None,
    owners: Iterable[str] | None = None,
    tags: Iterable[str] | str | None = None,
    kind: Iterable[str] | str | None = None,
    group: str | None = None,
    meta: Mapping[str, Plain] | None = None,
    links: said.Links | None = None,
    columns: Plain = None,
    checks: Iterable[Plain] | None = None,
    changes: str | None = None,
    partition: Plain = None,
    freshness: Plain = None,
    loaded_at_field: str | None = None,
    loaded_at_query: str | None = None,
    enabled: bool | None = None,
    observe: Callable[..., Any] | ObserveFunction[..., Any] | str | None = None,
) -> Entry:
    """Declare a source, with the keys that it has in YAML. A table is a name, or a dict with its own keys.

    `observe` is a function of the same file that returns the version of the source: see @observe.

    >>> source("shop", schema="raw", tables=["orders"]).keys
    {'tables': ['orders'], 'schema': 'raw'}
    """
    given: dict[str, Plain | None] = {
        "tables": _listed(tables),
        "files": _listed(files),
        "schema": schema,
        "engine": engine,
        "database": database,
        "catalog": catalog,
        "description": description,
        "owner": owner,
        "owners": _listed(owners),
        "tags": _listed(tags),
        "kind": _listed(kind),
        "group": group,
        "meta": dict(meta) if meta is not None else None,
        "links": dict(links) if isinstance(links, Mapping) else _listed(links),
        "columns": columns,
        "checks": _listed(checks),
        "changes": changes,
        "partition": partition,
        "freshness": freshness,
        "loaded_at_field": loaded_at_field,
        "loaded_at_query": loaded_at_query,
        "enabled": enabled,
        "observe": _function_name(observe),
    }
    return replace(entry("sources", name, given), function=getattr(observe, "function", observe))


def _listed(given: Any) -> Any:
    return given if given is None or isinstance(given, str) else list(given)


def _function_name(given: Any) -> str | None:
    """The name by which the file has the function: it is found again when it is wanted."""
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, ObserveFunction):
        given = given.function
    return said.name_of(said.plain_function(given, "observe"), "observe")


def observe(*, source: str) -> Callable[[Callable[P, R]], ObserveFunction[P, R]]:
    """Declare a function that says which version of a source there is.

    It returns a text or a number that moves when the source does, or {key of a window: version} for a
    source with a partition; None when it cannot tell, so that the source counts as changed. It may take
    `context`. It is called when something that reads the source is planned.

    >>> @observe(source="partner.rates")
    ... def newest_rates(): return "2024-01-31"
    >>> newest_rates(), newest_rates.definition.source
    ('2024-01-31', 'partner.rates')
    """
    if not isinstance(source, str) or not source:
        raise TypeError(f"a source is named by text, not {source!r}")

    def decorate(function: Callable[P, R]) -> ObserveFunction[P, R]:
        plain = said.plain_function(function, "observe")
        return ObserveFunction(plain, ObserveDefinition(said.name_of(plain, "observe"), source))

    return decorate
