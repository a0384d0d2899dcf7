"""Where tests write their files: in memory, where the machine lends enough of it.

Most of what a test does is to open databases of a few rows; on a disk it would wait for that, not work.
`TMPDIR` and `--basetemp` say another place.
"""

from __future__ import annotations

import os
import tempfile

MEMORY = "/dev/shm"
ENOUGH = 4 << 30  # bytes


def write_into_memory() -> None:
    """For this process and those that it starts, before anybody asks for a temporary file."""
    if "TMPDIR" not in os.environ and _lends_enough(MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = MEMORY


def _lends_enough(folder: str) -> bool:
    try:
        found = os.statvfs(folder)
    except (OSError, AttributeError):  # not there, or not on Windows
        return False
    runs_programs = not found.f_flag & os.ST_NOEXEC  # such as a server's
    room = found.f_bavail * found.f_frsize
    return runs_programs and room >= ENOUGH and os.access(folder, os.W_OK)
