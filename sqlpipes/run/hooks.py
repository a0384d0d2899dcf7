"""A job that has ended -> its hooks: a command with the story on stdin, or a POST of it to a URL.

A hook that fails is told as a Problem and changes nothing of what it is told about. A webhook's URL
may be a secret, and so may what a command was given from the environment: no message has them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

from sqlpipes.core.errors import Problem, Severity
from sqlpipes.core.job import Hook
from sqlpipes.run.masking import Mask
from sqlpipes.run.webhooks import post

FAILED = "JOB009"
PAUSE_S = 1.0  # before the second try of a webhook; it doubles
GRACE_S = 1.0  # for what is left of a command that was killed
SHOWN = 300  # characters of what a failing command says


def run_hooks(
    hooks: Iterable[Hook],
    said: Mapping[str, Any],
    *,
    root: str,
    environ: Mapping[str, str],
    pause_s: float = PAUSE_S,
) -> tuple[Problem, ...]:
    """Run each in turn. `said` is plain JSON: what a command reads and a webhook is sent."""
    found = []
    for hook in hooks:
        told = _run(hook, said, root, environ) if hook.command else post(hook, said, pause_s)
        if told:
            message = f"the hook {hook.shown} failed: {told}"
            found.append(Problem(FAILED, message, hook.at, severity=Severity.WARNING))
    return tuple(found)


def variables(said: Mapping[str, Any]) -> dict[str, str]:
    """The environment that a command finds beside its own.

    >>> variables({"job": "nightly", "status": "error", "due": None, "problems": []})
    {'SQLPIPES_JOB': 'nightly', 'SQLPIPES_STATUS': 'error', 'SQLPIPES_DUE': ''}
    """
    return {
        f"SQLPIPES_{key.upper()}": "" if value is None else str(value).replace("\0", " ")
        for key, value in said.items()
        if not isinstance(value, (list, dict))
    }


def _run(hook: Hook, said: Mapping[str, Any], root: str, environ: Mapping[str, str]) -> str:
    """What went wrong; "" when nothing did."""
    assert hook.command is not None
    try:
        process = subprocess.Popen(
            hook.command,
            shell=isinstance(hook.command, str),
            cwd=root,
            env={**environ, **variables(said)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=sys.platform != "win32",  # so that it ends with all that it started
        )
    except (OSError, ValueError) as error:
        return str(getattr(error, "strerror", None) or error)
    try:
        told, _ = process.communicate(json.dumps(said).encode(), hook.timeout_s)
    except subprocess.TimeoutExpired:
        _end(process)
        return f"it did not end within {hook.timeout_s:g}s"
    if process.returncode == 0:
        return ""
    last = Mask(hook.secrets)(told.decode("utf-8", "replace").strip())[-SHOWN:]
    return f"it ended with {process.returncode}" + (f": {last}" if last else "")


def _end(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except OSError:
            process.kill()
    with suppress(subprocess.TimeoutExpired):  # what left the group may still hold the pipe
        process.communicate(timeout=GRACE_S)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
