"""Postgres: what a step costs beside the same statements by psycopg alone, and seeds beside a plain COPY.

    python benchmarks/postgres.py [--url postgresql://...] [--rows 1000000] [--steps 60] [--repeat 5]
        [--only steps|loads]

Without a URL it starts a server of its own, as the tests do. Each pair runs in turn; what is printed are
medians, and the median of the pairs' ratios.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

COLUMNS = "id bigint, name text, amount double precision, day date, flag boolean, note text"
PYTHON = """import polars
from sqlpipes import asset

@asset
def frame():
    return polars.read_csv("{path}", try_parse_dates=True)
"""


def main() -> None:
    options = _options()
    with ExitStack() as stack:
        url = options.url or stack.enter_context(_server())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        print(f"| {'':34} | sqlpipes s | psycopg s | ratio | more |")
        print(f"|{'-' * 36}|---|---|---|---|")
        if options.only in (None, "steps"):
            _steps(url, folder, options.steps, options.repeat)
        if options.only in (None, "loads"):
            _loads(url, folder, options.rows, options.repeat)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--url")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", choices=["steps", "loads"])
    return parser.parse_args()


@contextmanager
def _server() -> Iterator[str]:
    from servers.postgres import postgres_server

    with postgres_server() as url:
        yield url


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


# --------------------------------------------------------------------------------------- steps


def _steps(url: str, folder: Path, steps: int, repeat: int) -> None:
    """Tables of a few rows, so that what is measured is what stands around the statements."""
    for kind, rows in (("view", 10), ("table", 10), ("table", 100_000)):
        root = _project(folder / f"{kind}{rows}", url)
        for number in range(steps):
            query = (
                f"select {number} as n, x, 'some text' as t from generate_series(1, {rows}) as x"
            )
            text = f"/*\n---\nmaterialized: {kind}\n---\n*/\n{query}\n"
            (root / "models" / f"m{number:03}.sql").write_text(text)
        _say(
            f"{kind} of {rows:,} rows, each of {steps}",
            *_pairs(
                lambda r=root: _built(r), lambda k=kind, n=rows: _bare(url, k, n, steps), repeat
            ),
            per=steps,
        )


def _bare(url: str, kind: str, rows: int, steps: int) -> float:
    """The statements that a rebuild comes to, each step a transaction."""
    import psycopg

    with psycopg.connect(_plain(url), autocommit=True) as connection:
        connection.execute(
            "drop schema if exists bare cascade; create schema bare; set search_path = bare"
        )
        for number in range(steps):
            query = (
                f"select {number} as n, x, 'some text' as t from generate_series(1, {rows}) as x"
            )
            if kind == "table":
                connection.execute(f"create table if not exists m{number} as {query}")
        began = time.perf_counter()
        for number in range(steps):
            query = (
                f"select {number} as n, x, 'some text' as t from generate_series(1, {rows}) as x"
            )
            connection.execute("begin")
            if kind == "view":
                connection.execute(f"create or replace view m{number} as {query}")
            else:
                connection.execute(f"delete from m{number}")
                connection.execute(f"insert into m{number} {query}")
            connection.execute("commit")
        return time.perf_counter() - began


# --------------------------------------------------------------------------------------- loads


def _loads(url: str, folder: Path, rows: int, repeat: int) -> None:
    path = folder / "numbers.csv"
    _write(path, rows)
    seeds = _project(folder / "seeds_", url)
    (seeds / "seeds").mkdir()
    (seeds / "seeds" / "numbers.csv").write_bytes(path.read_bytes())
    frames = _project(folder / "frames_", url)
    (frames / "models" / "frame.py").write_text(PYTHON.format(path=path))
    for name, root in (("seed, CSV", seeds), ("polars frame", frames)):
        found = _pairs(lambda r=root: _built(r), lambda: _copied(url, path), repeat)
        _say(f"{name}, {rows:,} rows", *found)


def _write(path: Path, rows: int) -> None:
    first = date(2020, 1, 1).toordinal()
    with path.open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([part.split()[0] for part in COLUMNS.split(", ")])
        for i in range(rows):
            day = date.fromordinal(first + i % 1500)
            note = f"n,{i}" if i % 7 == 0 else ""
            out.writerow([i, f"customer {i % 1000}", i * 7 % 100_000 / 100, day, i % 3 == 0, note])


def _copied(url: str, path: Path) -> float:
    """What nobody beats: the file's bytes, by COPY, into the same table emptied before."""
    import psycopg

    with psycopg.connect(_plain(url), autocommit=True) as connection, path.open("rb") as file:
        connection.execute(f"create table if not exists public.bare_copy ({COLUMNS})")
        began = time.perf_counter()
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("delete from public.bare_copy")
            with cursor.copy("copy public.bare_copy from stdin (format csv, header)") as copy:
                while chunk := file.read(1 << 20):
                    copy.write(chunk)
        seconds = time.perf_counter() - began
        connection.execute("vacuum public.bare_copy")
        return seconds


# --------------------------------------------------------------------------------------- shared


def _project(root: Path, url: str) -> Path:
    (root / "models").mkdir(parents=True)
    (root / "sqlpipes.yml").write_text("name: bench\n")
    said = f"{{type: postgres, url: '{url}', schema: {root.name}, threads: 1}}"
    (root / "profiles.yml").write_text(f"bench: {{outputs: {{dev: {said}}}}}\n")
    return root


def _built(root: Path) -> float:
    """Seconds of the steps of a rebuild, from the first one's start to the last one's end."""
    import psycopg

    import sqlpipes
    from sqlpipes.api import Ask
    from sqlpipes.core.events import StepFinished, StepStarted

    at: list[tuple[float, Any]] = []
    project = sqlpipes.load(str(root))
    report = sqlpipes.build(
        project, Ask(force=True), on_event=lambda event: at.append((time.perf_counter(), event))
    )
    assert report.ok, report.failed
    began = min(t for t, event in at if isinstance(event, StepStarted))
    ended = max(t for t, event in at if isinstance(event, StepFinished))
    url = str(project.target.options["url"])
    with psycopg.connect(_plain(url), autocommit=True) as connection:
        connection.execute("vacuum")
    return ended - began


def _pairs(
    ours: Callable[[], float], theirs: Callable[[], float], repeat: int
) -> tuple[list[float], list[float]]:
    ours(), theirs()  # the tables are there, and what is read is in memory
    found = [(ours(), theirs()) for _ in range(repeat)]
    return [mine for mine, _ in found], [other for _, other in found]


def _say(name: str, ours: list[float], theirs: list[float], per: int = 1) -> None:
    mine, other = statistics.median(ours) / per, statistics.median(theirs) / per
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    more = (mine - other) * 1000
    print(f"| {name:34} | {mine:.4f} | {other:.4f} | {ratio:.2f} | {more:.1f} ms |", flush=True)


if __name__ == "__main__":
    main()
