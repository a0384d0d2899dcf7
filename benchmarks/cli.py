"""One command, one table: what the everyday commands cost, beside the floor and beside other tools.

    python benchmarks/cli.py                                   1,000 models, medians of 5
    python benchmarks/cli.py --peers dbt-core sqlmesh          and these in turn with it

Every figure is one whole process, started from nothing. A machine that others use makes seconds
worthless: read the ratios, which are taken in the same minutes, and repeat at a quiet time. A peer is
installed into an environment of its own the first time (`peers.py` says which ones there are).
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
from peers import PEERS, Peer
from warehouse import make_warehouse

LONG_AGO = 1_700_000_000  # a file that is older than the cache by far, as files are
HERE = Path(__file__).parent
CACHES = (".sqlpipes/cache", "target", ".cache")
WHICH = f"other tools in turn with it: {', '.join(PEERS)}"
Prepare = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Action:
    """A thing people do, by the name that the peers know it by; `before` puts a project in its state."""

    name: str
    key: str
    words: tuple[str, ...]
    before: Prepare = lambda project: None
    slow: bool = False
    floor: str = "import click"


@dataclass(frozen=True, slots=True)
class Row:
    """What an action cost us, and each peer that has it."""

    action: Action
    ours: Cost
    theirs: dict[str, Cost]


@dataclass(frozen=True, slots=True)
class Bench:
    """Where everything is. The project of each tool is in a folder of its name."""

    work: Path
    sqlpipes: str
    peers: tuple[Peer, ...]
    venvs: Path
    leaf: str
    repeat: int
    repeat_slow: int
    repeat_peers: int


def actions(leaf: str) -> Iterator[Action]:
    """In the order in which they can be done: the first build leaves what the others find."""
    touch = touch_model(leaf)
    yield Action("`--version`", "version", ("--version",))
    yield Action("`ls`, cold", "cold", ("ls",), forget_parsed)
    yield Action("`ls`, warm", "warm", ("ls",))
    yield Action("`ls -s +leaf`, warm", "above", ("ls", "-s", f"+{leaf}"))
    yield Action("`ls`, one file changed", "changed", ("ls",), touch)
    yield Action("`build`, first", "first", ("build",), forget_built, True, "raw DuckDB")
    yield Action("`plan`, nothing changed", "plan", ("plan",))
    yield Action("`build`, nothing changed", "again", ("build",))
    yield Action("`build -s leaf`, leaf changed", "leaf", ("build", "-s", leaf), touch)
    yield Action("`compile leaf`", "compile", ("compile", leaf))


def forget_parsed(project: Path) -> None:
    for cache in CACHES:
        shutil.rmtree(project / cache, ignore_errors=True)


def forget_built(project: Path) -> None:
    """A warehouse with raw tables only, and no state."""
    for path in [*project.glob(".sqlpipes/state.db*"), *project.glob("state.duckdb*")]:
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
    for path in filter(Path.is_file, work.rglob("*")):
        age(
            path
        )  # what has just been written may be written again in the same moment: it is read again
    loader = [sys.executable, str(HERE / "floors.py"), "load", ".", "loaded.duckdb"]
    cost_of(loader, work / "plain")
    for flavour in ("sqlpipes", "dbt", "dagster"):
        shutil.copy(work / "plain/loaded.duckdb", work / flavour)
    cost_of([*loader, "v1.0.0"], work / "sqlmesh")  # whose DuckDB is an older one
    for flavour in ("sqlpipes", "dbt", "sqlmesh", "dagster"):
        forget_built(work / flavour)
    return next(model.name for model in reversed(warehouse.models) if not model.checks)


def measure(bench: Bench) -> tuple[dict[str, Cost], list[Row]]:
    """The floors, and each action with all tools in turn."""
    for peer in bench.peers:
        peer.install(bench.venvs)
        shutil.copytree(bench.work / peer.flavour, bench.work / f"of {peer.name}")
    floors = dict(measure_floors(bench))
    rows = []
    for action in actions(bench.leaf):
        ours: list[Cost] = []
        theirs: dict[str, list[Cost]] = {}
        for i in range(bench.repeat_slow if action.slow else bench.repeat):
            ours.append(once(action, [bench.sqlpipes, *action.words], bench.work / "sqlpipes"))
            for peer in bench.peers if i < bench.repeat_peers else ():
                if (command := peer.command(action.key, bench.leaf, bench.venvs)) is not None:
                    cost = once(action, command, bench.work / f"of {peer.name}")
                    theirs.setdefault(peer.name, []).append(cost)
        peers = {name: middle(costs) for name, costs in theirs.items()}
        rows.append(Row(action, middle(ours), peers))
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return floors, rows


def once(action: Action, command: Sequence[str], folder: Path) -> Cost:
    action.before(folder)
    return cost_of(command, folder, {"DBT_PROFILES_DIR": ".", "DAGSTER_HOME": ""})


def measure_floors(bench: Bench) -> Iterator[tuple[str, Cost]]:
    python = str(Path(bench.sqlpipes).parent / "python")
    python = python if os.path.exists(python) else sys.executable
    for name in ("pass", "import click"):
        costs = [cost_of([python, "-c", name], bench.work) for _ in range(bench.repeat)]
        yield name, middle(costs)
    raw = [python, str(HERE / "floors.py"), "build", ".", "warehouse.duckdb", "2"]
    costs = []
    for _ in range(bench.repeat_slow):
        forget_built(bench.work / "plain")
        costs.append(cost_of(raw, bench.work / "plain"))
    yield "raw DuckDB", middle(costs)


def table(floors: dict[str, Cost], rows: Sequence[Row], peers: Sequence[Peer]) -> str:
    """Markdown. A ratio is CPU / wall of one over the other."""
    head = ["", "CPU s", "wall s", "peak MB", "over its floor"]
    for peer in peers:
        head += [f"{peer.name}: CPU s / wall s / MB", "over sqlpipes"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, cost in floors.items():
        lines.append(line(f"floor: {name}", cost, ["", *[""] * 2 * len(peers)]))
    for row in rows:
        said = [f"{over(row.ours, floors[row.action.floor])} ({row.action.floor})"]
        for peer in peers:
            cost = row.theirs.get(peer.name)
            said += [figures(cost), over(cost, row.ours)] if cost else ["it has none", ""]
        lines.append(line(row.action.name, row.ours, said))
    return "\n".join(lines)


def line(name: str, cost: Cost, more: Sequence[str]) -> str:
    own = (f"{cost.cpu_s:.3f}", f"{cost.wall_s:.3f}", f"{cost.peak_mb:.0f}")
    return "| " + " | ".join((name, *own, *more)) + " |"


def figures(cost: Cost) -> str:
    """
    >>> figures(Cost(1.234, 12.3, 99.6))
    '1.23 / 12.3 / 100'
    """
    return f"{cost.cpu_s:.3g} / {cost.wall_s:.3g} / {cost.peak_mb:.0f}"


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
    parser.add_argument("--peers", nargs="+", default=[], choices=PEERS, metavar="PEER", help=WHICH)
    parser.add_argument("--repeat-peers", type=int, default=1, help="of each of their commands")
    parser.add_argument("--venvs", type=Path, default=HERE / ".venvs", help="where peers live")
    parser.add_argument("--sqlpipes", help="the sqlpipes command; the one beside this Python")
    asked = parser.parse_args()
    ours = asked.sqlpipes or str(Path(sys.executable).parent / "sqlpipes")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        leaf = prepare(work, asked.models, asked.rows)
        counts = (asked.repeat, asked.repeat_slow, asked.repeat_peers)
        peers = tuple(PEERS[name] for name in asked.peers)
        bench = Bench(work, ours, peers, asked.venvs.absolute(), leaf, *counts)
        print(table(*measure(bench), peers))


if __name__ == "__main__":
    main()
