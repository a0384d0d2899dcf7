"""job(...): what an entry of `jobs:` says, in Python."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.definitions.entries import Entry, entry
from sqlpipes.core.definitions.functions import AssetFunction, asset_name
from sqlpipes.core.definitions.ops import OpFunction

Selected = str | AssetFunction[..., Any]


def job(
    name: str,
    *,
    select: Selected | Iterable[Selected] | None = None,
    exclude: Selected | Iterable[Selected] | None = None,
    selector: str | None = None,
    vars: Mapping[str, Plain] | None = None,
    partition: str | None = None,
    full_refresh: bool | None = None,
    target: str | None = None,
    op: OpFunction[..., Any] | str | None = None,
    args: Mapping[str, Plain] | None = None,
    cron: str | None = None,
    timezone: str | None = None,
    catch_up: int | str | None = None,
    enabled: bool | None = None,
    on_success: Plain = None,
    on_failure: Plain = None,
    description: str | None = None,
    owner: Plain = None,
    tags: Plain = None,
) -> Entry:
    """Declare a job: a selection that is built when `cron` says so, or an op that is called then.

    Every key means what it means under `jobs:` in YAML (docs/jobs.md). `select` and `exclude` take
    asset functions as well, `op` takes an op. TypeError for what is neither.

    >>> job("nightly", select="orders+", cron="0 6 * * *").keys["cron"]
    '0 6 * * *'
    """
    here = sys._getframe(1).f_code.co_filename
    keys: dict[str, Plain | None] = {
        "select": _named(select),
        "exclude": _named(exclude),
        "selector": selector,
        "vars": None if vars is None else dict(vars),
        "partition": partition,
        "full_refresh": full_refresh,
        "target": target,
        "op": _op_text(op, here),
        "args": None if args is None else dict(args),
        "cron": cron,
        "timezone": timezone,
        "catch_up": catch_up,
        "enabled": enabled,
        "on_success": on_success,
        "on_failure": on_failure,
        "description": description,
        "owner": owner,
        "tags": tags,
    }
    return entry("jobs", name, keys)


def _named(given: Selected | Iterable[Selected] | None) -> Plain | None:
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, AssetFunction):
        return asset_name(given)
    return [asset_name(each) for each in given]


def _op_text(given: OpFunction[..., Any] | str | None, here: str) -> str | None:
    """`file.py:name`; the name alone when it is defined in the job's own file."""
    if given is None or isinstance(given, str):
        return given
    if not isinstance(given, OpFunction):
        raise TypeError(f"op= takes a function with @op above it, not {given!r}")
    name, file = given.definition.name, given.function.__code__.co_filename
    return name if file == here else f"{file}:{name}"
