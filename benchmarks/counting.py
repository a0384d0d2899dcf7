"""Runs a sqlpipes command, and counts the calls of functions in all threads: the same work, the same count.

    python benchmarks/counting.py COUNT_FILE ls -s +leaf

Seconds move with the machine and with who else is on it; calls do not, so a bound on them can fail a build.
What C code calls inside itself is not seen: neither DuckDB's work nor that of sqlglot's compiled extension.
"""

from __future__ import annotations

import sys
import threading
from itertools import count
from types import FrameType
from typing import Any


def main() -> None:
    path = sys.argv.pop(1)
    calls = count()

    def note(frame: FrameType, event: str, arg: Any) -> None:
        if event == "call" or event == "c_call":
            next(calls)  # one step in C: threads cannot lose a call between them

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        from sqlpipes.cli import main as sqlpipes

        sqlpipes()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
        with open(path, "w", encoding="utf-8") as file:
            file.write(str(next(calls)))


if __name__ == "__main__":
    main()
