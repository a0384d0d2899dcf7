"""One command, one table: what slices cost, beside the plain statements and beside a project without any.

    python benchmarks/slices.py                         20 million rows, medians of 5
    python benchmarks/slices.py --rows 1000000 --repeat 3
    python benchmarks/slices.py --only plan

Every figure is one whole process. Ours and its floor run in turn, and a ratio is the median of the
ratios of the pairs, so that what else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import histories as h
from cost import Cost, cost_of, middle

PLAIN = """
import sys, time, duckdb
with duckdb.connect(sys.argv[1]) as db:
    db.execute("set enable_progress_bar = false")
    began = time.perf_counter()
    for statement in open(sys.argv[2]).read().split(";\\n"):
        db.execute(statement).fetchall()
    print(time.perf_counter() - began)
"""
Prepare = Callable[[Path], None]
COMMANDS = ("status", "plan", "build")


def nothing(folder: Path) -> None:
    """Both stand as they are."""


@dataclass(frozen=True, slots=True)
class Contest:
    """A command of ours and plain statements that do the same, each in a folder of its own."""

    name: str
    write: Callable[[Path], None]
    ours: tuple[str, ...]
    statements: tuple[str, ...]
    load: str = ""  # what is in the database before
    built: bool = False  # whether ours is built once before
    before: Prepare = nothing  # each time, in both folders
    alone: bool = False  # the step and the statements also without their processes


@dataclass(frozen=True, slots=True)
class Past:
    """A project whose commands have nothing to do, or little; `change` is what has happened to it."""

    name: str
    write: Callable[[Path], None]
    change: Prepare = nothing


def contests(rows: int) -> Iterator[Contest]:
    raw = h.raw_sql(rows)
    create = f"create or replace table orders as {h.FACT}"
    for changes in ("count", "hash"):
        yield Contest(
            f"365 days of {rows:,} rows, source `changes: {changes}`",
            lambda folder, changes=changes: h.write_fact(folder, changes),
            ("build",),
            (create,),
            load=raw,
            before=forget_built,
            alone=True,
        )
    day = "ordered_on >= date '2025-06-01' and ordered_on < date '2025-06-02'"
    replace = (f"delete from orders where {day}", f"insert into orders {h.FACT} where {day}")
    yield Contest(
        "one of these days again",
        h.write_fact,
        ("build", "-s", "orders", "--partition", "2025-06-01", "--force"),
        ("begin", *replace, "commit"),
        load=f"{raw};\n{create}",
        built=True,
        alone=True,
    )
    months = f"select date_trunc('month', day)::date as month, count(*) as n from ({h.SMALL}) "
    inserts = [
        f"insert into months {months} where month(day) = {m} group by all" for m in range(2, 7)
    ]
    first = f"create or replace table months as {months} where month(day) = 1 group by all"
    yield Contest(
        "six months of a small table, first build",
        h.write_months,
        ("build",),
        (first, *inserts),
        before=forget_all,
        alone=True,
    )


def pasts() -> Iterator[Past]:
    yield Past("100,000 hours, in one range", lambda f: h.write_chain(f, "hour", 100_000))
    yield Past(
        "100,000 hours, 5,000 of them rebuilt one by one",
        lambda f: h.write_chain(f, "hour", 100_000),
        lambda f: h.fragment(f, 5_000),
    )
    yield Past(
        "the same, and one hour is late",
        lambda f: h.write_chain(f, "hour", 100_000),
        fragmented_and_late,
    )
    yield Past("20 years of minutes", lambda f: h.write_chain(f, "minute", 10_519_200))
    yield Past("ten assets of 3,650 days", lambda f: h.write_chain(f, "day", 3650, 10))
    yield Past(
        "the same, and one day is late", lambda f: h.write_chain(f, "day", 3650, 10), h.be_late
    )
    yield Past("10,000 values, found by a query", lambda f: h.write_values(f, 10_000))


def fragmented_and_late(folder: Path) -> None:
    h.fragment(folder, 5_000)
    h.be_late(folder)


def forget_built(folder: Path) -> None:
    """A database with the source only, and no state. What was parsed stays known."""
    for path in folder.glob(".sqlpipes/state.db*"):
        path.unlink()
    shutil.copy(folder / "loaded", folder / f"{folder.name}.duckdb")


def forget_all(folder: Path) -> None:
    """As on the first day."""
    shutil.rmtree(folder / ".sqlpipes", ignore_errors=True)
    (folder / f"{folder.name}.duckdb").unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Bench:
    work: Path
    sqlpipes: str
    repeat: int

    def ours(self, folder: Path, *said: str) -> Cost:
        return cost_of([self.sqlpipes, *said], folder)

    def plain(self, folder: Path, *statements: str) -> Cost:
        (folder / "plain.sql").write_text(";\n".join(statements), encoding="utf-8")
        command = [sys.executable, "-c", PLAIN, f"{folder.name}.duckdb", "plain.sql"]
        return cost_of(command, folder)


def compete(bench: Bench, contest: Contest) -> Iterator[str]:
    """A line of whole processes; and one of the step and the statements alone."""
    ours, plain = folders = prepared(bench, contest)
    pairs: list[tuple[Cost, Cost]] = []
    alone: list[tuple[float, float]] = []
    for _ in range(bench.repeat):
        for folder in folders:
            contest.before(folder)
        pair = bench.ours(ours, *contest.ours), bench.plain(plain, *contest.statements)
        pairs.append(pair)
        alone.append((seconds_of_step(ours), float((plain / "benchmark.log").read_text())))
    costs, floors = middle([one for one, _ in pairs]), middle([other for _, other in pairs])
    cpu = median(one.cpu_s / other.cpu_s for one, other in pairs)
    wall = median(one.wall_s / other.wall_s for one, other in pairs)
    ratio = f"{cpu:.2f} / {wall:.2f}"
    yield line(contest.name, figures(costs), figures(floors), ratio)
    if contest.alone:
        step, statements = median(a for a, _ in alone), median(b for _, b in alone)
        ratio = f"{median(a / b for a, b in alone):.2f}"
        said = f"- / {step:.3f} / -", f"- / {statements:.3f} / -"
        yield line(f"{contest.name}: the step alone", *said, ratio)


def prepared(bench: Bench, contest: Contest) -> tuple[Path, Path]:
    ours, plain = Path(tempfile.mkdtemp(dir=bench.work)), Path(tempfile.mkdtemp(dir=bench.work))
    contest.write(ours)
    for folder in (ours, plain):
        if contest.load:
            bench.plain(folder, contest.load)
            shutil.copy(folder / f"{folder.name}.duckdb", folder / "loaded")
    if contest.built:
        bench.ours(ours, "build")
    return ours, plain


def seconds_of_step(folder: Path) -> float:
    """What the state says of the newest step that wrote slices."""
    with closing(sqlite3.connect(folder / h.STATE)) as db:
        sql = "select seconds from sqlpipes_steps where action = 'replace slices' order by id desc"
        return float(db.execute(sql).fetchone()[0])


def remember(bench: Bench, past: Past, base: Path) -> Iterator[str]:
    """A line a command, beside the same command on the base, which follows it each time."""
    folder = Path(tempfile.mkdtemp(dir=bench.work))
    past.write(folder)
    bench.ours(folder, "build")
    past.change(folder)
    kept = bench.work / "kept.db"
    shutil.copy(folder / h.STATE, kept)
    for command in COMMANDS:
        pairs = []
        for _ in range(bench.repeat):
            shutil.copy(kept, folder / h.STATE)
            pairs.append((bench.ours(folder, command), bench.ours(base, command)))
        more = (
            median(getattr(one, name) - getattr(other, name) for one, other in pairs)
            for name in ("cpu_s", "wall_s", "peak_mb")
        )
        costs, floors = middle([one for one, _ in pairs]), middle([other for _, other in pairs])
        yield line(
            f"{past.name}: `{command}`", figures(costs), figures(floors), figures(Cost(*more))
        )
        print(".", end="", file=sys.stderr, flush=True)


def figures(cost: Cost) -> str:
    """
    >>> figures(Cost(1, 0.5, 30))
    '1.00 / 0.50 / 30'
    """
    return f"{cost.cpu_s:.2f} / {cost.wall_s:.2f} / {cost.peak_mb:.0f}"


def line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def tables(bench: Bench, rows: int, only: Sequence[str]) -> Iterator[str]:
    if "run" in only:
        yield line(
            "CPU s / wall s / peak MB", "sqlpipes", "the plain statements", "CPU / wall over"
        )
        yield line(*["---"] * 4)
        for contest in contests(rows):
            yield from compete(bench, contest)
    if "plan" in only:
        base = bench.work / "base"
        h.write_one(base)
        bench.ours(base, "build")
        yield ""
        yield line("CPU s / wall s / peak MB", "with slices", "base", "more")
        yield line(*["---"] * 4)
        for past in pasts():
            yield from remember(bench, past, base)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000_000, help="of the fact")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", choices=("run", "plan"), help="one of the two tables")
    parser.add_argument("--sqlpipes", help="the sqlpipes command; the one beside this Python")
    asked = parser.parse_args()
    ours = asked.sqlpipes or str(Path(sys.executable).parent / "sqlpipes")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), ours, asked.repeat)
        for said in tables(bench, asked.rows, [asked.only] if asked.only else ["run", "plan"]):
            print(said, flush=True)


if __name__ == "__main__":
    main()
