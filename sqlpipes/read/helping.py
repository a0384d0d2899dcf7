"""Many new queries -> processes beside this one that look into them, too, where there are cores to spare.

Whoever reads goes through the files from the first to the last, the helpers from the last to the first: what
one of them has told when the reader gets there is taken from it, and all else is read as ever. So nothing has
to be divided, nobody is waited for, and a helper that fails or never begins only saves nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from sqlpipes.read.cache import Cache, Entry
from sqlpipes.read.files import File, content_hash, decode, read_bytes


@contextmanager
def helped(new: Sequence[File], cache: Cache, dialect: str, count: int) -> Iterator[None]:
    """While it lasts the cache takes facts of new queries from `count` helpers, as far as they have any."""
    helpers = [_Helper(new[::-1][at::count], dialect) for at in range(count)]
    cache.ahead = [helper.found for helper in helpers]
    try:
        yield
    finally:
        cache.ahead = []
        for helper in helpers:
            helper.end()


class _Helper:
    """A process, and what it has told so far: entries of the cache by their keys."""

    def __init__(self, files: Sequence[File], dialect: str) -> None:
        self.found: dict[str, Entry] = {}
        self._process: subprocess.Popen[bytes] | None = None
        with suppress(OSError):
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "sqlpipes.read.helping"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            given = (self._process, files, dialect)
            self._thread = threading.Thread(target=self._follow, args=given, daemon=True)
            self._thread.start()

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._thread.join()

    def _follow(
        self, process: subprocess.Popen[bytes], files: Sequence[File], dialect: str
    ) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        asked = {file.path: file for file in files}
        with suppress(OSError, ValueError, KeyError), process.stdin, process.stdout:
            wish = [dialect, [[file.path, file.absolute] for file in files]]
            process.stdin.write(json.dumps(wish).encode())
            process.stdin.close()
            for line in process.stdout:
                path, digest, text = line.decode().rstrip("\n").split("\t")
                file = asked[path]
                self.found[f"sql:{path}"] = Entry(file.mtime_ns, file.size, digest, text)


def main() -> None:
    """What a helper does: [dialect, [[path, where it is], ...]] comes in; a line for each goes out."""
    from sqlpipes.core.garbage import resting, sweep
    from sqlpipes.read.queries import parsed

    dialect, files = json.loads(sys.stdin.buffer.read())
    with suppress(OSError, KeyboardInterrupt), resting():
        for path, absolute in files:
            content = read_bytes(File(path, absolute, 0, 0))
            text = decode(content, path) if isinstance(content, bytes) else None
            if not isinstance(text, str) or not isinstance(content, bytes):
                continue  # whoever reads tells it
            facts = parsed(text, path, dialect)
            sweep()
            line = [path, content_hash(content), json.dumps(facts, separators=(",", ":"))]
            os.write(1, ("\t".join(line) + "\n").encode())


if __name__ == "__main__":
    main()
