"""One command, one table: what the everyday commands cost, beside the floor and beside dbt-core.

    python benchmarks/cli.py                                   1,000 models, medians of 5
    python benchmarks/cli.py --dbt path/to/venv/bin/dbt        and dbt-core in turn with it

Every figure is one whole process, started from nothing. A machine that others use makes seconds
worthless: read the ratios, which are taken in the same minutes, and repeat at a quiet time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cost import Cost, cost_of, middle
from generate import write_all
from warehouse import make_warehouse

LONG_AGO = 1_700_000_000  # a file that is older than the cache by far, as files are
HERE = Path(__file__).parent
Prepare = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Action:
    """A thing people do: its command line in each tool; `before` puts the project in its state."""

    name: str
    sqlpipes: tuple[str, ...]
    dbt: tuple[str, ...] = ()  # none: it has no such thing
    before: Prepare = lambda project: None
    slow: bool = False
    floor: str = "import click"


@dataclass(frozen=True, slots=True)
class Bench:
    """Where everything is."""

    work: Path
    sqlpipes: str
    dbt: str | None
    leaf: str
    repeat: int
    repeat_slow: int
    repeat_dbt: int

    def folder(self, tool: str) -> Path:
        return self.work / tool


def actions(leaf: str) -> Iterator[Action]:
    """In the order in which they can be done: the first build leaves what the others find."""
    above = ("ls", "-s", f"+{leaf}")
    yield Action("`--version`", ("--version",), ("--version",))
    yield Action("`ls`, cold", ("ls",), ("ls",), forget_parsed)
    yield Action("`ls`, warm", ("ls",), ("ls",))
    yield Action("`ls -s +leaf`, warm", above, above)
    yield Action("`ls`, one file changed", ("ls",), ("ls",), touch_model(leaf))
    yield Action(
        "`build`, first", ("build",), ("build",), forget_built, slow=True, floor="raw DuckDB"
    )
    yield Action("`plan`, nothing changed", ("plan",))
    yield Action("`build`, nothing changed", ("build",), ("build",))
    changed = ("build", "-s", leaf)
    yield Action("`build -s leaf`, leaf changed", changed, changed, touch_model(leaf))
    yield Action("`compile leaf`", ("compile", leaf), ("compile", "-s", leaf))


def forget_parsed(project: Path) -> None:
    shutil.rmtree(project / ".sqlpipes/cache", ignore_errors=True)
    (project / "target/partial_parse.msgpack").unlink(missing_ok=True)


def forget_built(project: Path) -> None:
    """A warehouse with raw tables only, and no state."""
    for path in project.glob(".sqlpipes/state.db*"):
        path.unlink()
    shutil.copy(project / "loaded.duckdb", project / "warehouse.duckdb")


def touch_model(name: str) -> Prepare:
    """Another number in one model's query, other each time."""

    def change(project: Path) -> None:
        path = next(project.glob(f"models/*/{name}.sql"))
        text, _, number = path.read_text(encoding="utf-8").partition("\nlimit ")
        path.write_text(f"{text}\nlimit {int(number or 1_000_000) + 1}", encoding="utf-8")
        age(path, LONG_AGO + int(number or 0) + 1)

    return change


def age(path: Path, at: int = LONG_AGO) -> None:
    os.utime(path, (at, at))


def prepare(work: Path, models: int, rows: int) -> str:
    """Projects with their raw tables loaded; the name of a model that nothing reads."""
    warehouse = make_warehouse(models)
    write_all(work, warehouse, rows, seed=7)
    for path in work.glob("*/models/*/*.sql"):
        age(path)
    loader = [sys.executable, str(HERE / "floors.py"), "load", ".", "loaded.duckdb"]
    cost_of(loader, work / "plain")
    for tool in ("sqlpipes", "dbt"):
        shutil.copy(work / "plain/loaded.duckdb", work / tool)
        forget_built(work / tool)
    return next(model.name for model in reversed(warehouse.models) if not model.checks)


def measure(bench: Bench) -> tuple[dict[str, Cost], list[tuple[Action, Cost, Cost | None]]]:
    """The floors, and each action with both tools in turn."""
    floors = dict(measure_floors(bench))
    rows = []
    for action in actions(bench.leaf):
        ours: list[Cost] = []
        theirs: list[Cost] = []
        for i in range(bench.repeat_slow if action.slow else bench.repeat):
            ours.append(once(bench, "sqlpipes", [bench.sqlpipes, *action.sqlpipes], action))
            if bench.dbt and action.dbt and i < bench.repeat_dbt:
                theirs.append(once(bench, "dbt", [bench.dbt, *action.dbt], action))
        rows.append((action, middle(ours), middle(theirs) if theirs else None))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return floors, rows


def once(bench: Bench, tool: str, command: Sequence[str], action: Action) -> Cost:
    folder = bench.folder(tool)
    action.before(folder)
    return cost_of(command, folder, {"DBT_PROFILES_DIR": "."})


def measure_floors(bench: Bench) -> Iterator[tuple[str, Cost]]:
    python = str(Path(bench.sqlpipes).parent / "python")
    python = python if os.path.exists(python) else sys.executable
    for name in ("pass", "import click"):
        costs = [cost_of([python, "-c", name], bench.work) for _ in range(bench.repeat)]
        yield name, middle(costs)
    raw = [python, str(HERE / "floors.py"), "build", ".", "warehouse.duckdb", "2"]
    costs = []
    for _ in range(bench.repeat_slow):
        forget_built(bench.folder("plain"))
        costs.append(cost_of(raw, bench.folder("plain")))
    yield "raw DuckDB", middle(costs)


def table(floors: dict[str, Cost], rows: Sequence[tuple[Action, Cost, Cost | None]]) -> str:
    """Markdown. A ratio is CPU / wall of one over the other."""
    head = (
        "",
        "CPU s",
        "wall s",
        "peak MB",
        "over its floor",
        "dbt-core CPU s / wall s",
        "dbt over",
    )
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, cost in floors.items():
        lines.append(line(f"floor: {name}", cost, "", "", ""))
    for action, ours, theirs in rows:
        floor = f"{over(ours, floors[action.floor])} ({action.floor})"
        said = f"{theirs.cpu_s:.2f} / {theirs.wall_s:.2f}" if theirs else ""
        lines.append(line(action.name, ours, floor, said, over(theirs, ours) if theirs else ""))
    return "\n".join(lines)


def line(name: str, cost: Cost, *more: str) -> str:
    figures = (f"{cost.cpu_s:.3f}", f"{cost.wall_s:.3f}", f"{cost.peak_mb:.0f}")
    return "| " + " | ".join((name, *figures, *more)) + " |"


def over(one: Cost, other: Cost) -> str:
    """
    >>> over(Cost(3.0, 2.0, 0), Cost(2.0, 2.0, 0))
    '1.5 / 1.0'
    """
    ratios = (one.cpu_s / other.cpu_s, one.wall_s / other.wall_s)
    return " / ".join(f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.1f}" for ratio in ratios)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=200, help="of each raw table")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--repeat-slow", type=int, default=3, help="of the first build")
    parser.add_argument("--repeat-dbt", type=int, default=2, help="of each of dbt-core's commands")
    parser.add_argument("--dbt", help="the dbt command of an environment with dbt-duckdb")
    parser.add_argument("--sqlpipes", help="the sqlpipes command; the one beside this Python")
    asked = parser.parse_args()
    ours = asked.sqlpipes or str(Path(sys.executable).parent / "sqlpipes")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        leaf = prepare(work, asked.models, asked.rows)
        counts = (asked.repeat, asked.repeat_slow, asked.repeat_dbt)
        bench = Bench(work, ours, asked.dbt, leaf, *counts)
        print(table(*measure(bench)))


if __name__ == "__main__":
    main()
