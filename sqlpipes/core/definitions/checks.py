"""@check: functions that ask something of an asset before it is published."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlpipes.core.definitions import said
from sqlpipes.core.definitions.functions import (
    AssetName,
    CheckDefinition,
    CheckFunction,
    P,
    R,
    asset_name,
)


def check(
    misplaced: None = None,
    /,
    *,
    asset: AssetName | None = None,
    severity: str = "error",
    name: str | None = None,
    description: str | None = None,
    tags: Iterable[str] | str = (),
    scope: str = "slices",
    deps: Iterable[AssetName] = (),
) -> Callable[[Callable[P, R]], CheckFunction[P, R]]:
    """Declare a function as a check of `asset`. Its parameters are assets, or `context`.

    It returns True (well) or False, the number of bad rows, the bad rows themselves, or a CheckResult.
    severity: `error` stops publication, `warn` only tells. scope: of a partitioned asset it is given the
    `slices` that were just written, or the whole `table`. `deps` names what it reads beside its
    parameters and the SQL that can be seen in it.

    >>> @check(asset="orders", severity="warn")
    ... def no_future(orders): return [row for row in orders if row > 3]
    >>> no_future([1, 5]), no_future.definition.severity.value
    ([5], 'warning')
    """
    if asset is None or misplaced is not None:
        raise TypeError('a check says what it is of: @check(asset="...")')
    of = asset_name(asset)
    grade, whole_table = said.severity(severity), said.scope(scope)

    def decorate(function: Callable[P, R]) -> CheckFunction[P, R]:
        definition = CheckDefinition(
            name=name or said.name_of(function, "check"),
            asset=of,
            severity=grade,
            description=description,
            tags=said.texts(said.listed(tags, "tags"), "tags"),
            whole_table=whole_table,
            deps=tuple(dict.fromkeys(asset_name(item) for item in said.listed(deps, "deps"))),
        )
        return CheckFunction(said.plain_function(function, "check"), definition)

    return decorate
