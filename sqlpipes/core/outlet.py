"""Where lineage events are told, as a value: a file that grows by a line for each, or a URL, or both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location
from sqlpipes.core.job import Hook


@dataclass(frozen=True, slots=True)
class Outlet:
    """`hook` is the endpoint with its patience, `api_key` goes into a header of each POST to it.

    `file`: absolute. `namespace` is that of the jobs; `places`: engine -> the namespace of its datasets,
    where the project says it. `parent`: (namespace, job, run id) of what runs this build. `wait_s`:
    how long the end of a build waits for what is still on its way.
    """

    hook: Hook | None = None
    file: str | None = None
    namespace: str = "default"
    api_key: str = field(default="", repr=False)
    wait_s: float = 5.0
    places: Mapping[str, str] = field(default_factory=dict)
    parent: tuple[str, str, str] | None = None
    at: Location | None = field(default=None, compare=False)
