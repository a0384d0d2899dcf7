"""How something ended, or how far it is: one word for steps, checks, runs and jobs."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """How a step, a check or a run ended."""

    SUCCESS = "success"
    WARN = "warn"
    FAIL = "fail"  # a blocking check found bad rows: nothing was published
    ERROR = "error"  # a statement or function failed
    SKIPPED = "skipped"  # something above it failed
    CANCELLED = "cancelled"  # Ctrl-C or --fail-fast
    SPLIT = "split"  # it failed over several slices, which are then tried apart
    RUNNING = "running"
    INTERRUPTED = "interrupted"  # its process died
    QUEUED = "queued"  # asked of a job and not yet begun
