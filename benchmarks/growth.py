"""What the everyday commands cost as a project grows: a table with the exponents, and a plot.

    python benchmarks/growth.py                                   100, 1,000 and 5,000 models
    python benchmarks/growth.py --models 100 1000 5000 10000 --svg docs/images/growth.svg

CPU seconds and peak memory of whole processes, medians of 3; the first build runs once. With an exponent of 1
the cost doubles with the project. It is that of the last step, from the second largest to the largest.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import log
from pathlib import Path

from cli import Prepare, forget_built, forget_parsed, prepare, touch_model
from cost import Cost, cost_of, middle
from plot import Line, plotted


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    words: tuple[str, ...]
    before: Prepare = lambda project: None
    slow: bool = False


@dataclass(slots=True)
class Curve:
    """Costs of one command, by the number of models."""

    name: str
    costs: dict[int, Cost] = field(default_factory=dict)

    def exponent(self) -> float:
        """Of the CPU seconds, from the second largest project to the largest.

        >>> Curve("x", {10: Cost(1, 1, 1), 100: Cost(2, 1, 1), 1000: Cost(20, 1, 1)}).exponent()
        1.0
        """
        (few, small), (many, large) = sorted(self.costs.items())[-2:]
        return round(log(large.cpu_s / small.cpu_s) / log(many / few), 2)


def commands(leaf: str) -> Iterator[Command]:
    """In the order in which they can be done."""
    yield Command("`ls`, cold", ("ls",), forget_parsed)
    yield Command("`ls`, warm", ("ls",))
    yield Command("`ls`, one file changed", ("ls",), touch_model(leaf))
    yield Command("`build`, first", ("build",), forget_all, slow=True)
    yield Command("`build`, nothing changed", ("build",))
    yield Command("`build -s leaf`, leaf changed", ("build", "-s", leaf), touch_model(leaf))


def forget_all(project: Path) -> None:
    """Neither built, nor anything known but what the files say."""
    forget_built(project)
    for path in project.glob(".sqlpipes/cache/*"):
        if path.name != "facts.json":
            path.unlink()


def measure(sizes: Sequence[int], sqlpipes: str, repeat: int) -> list[Curve]:
    curves: dict[str, Curve] = {}
    for models in sizes:
        with tempfile.TemporaryDirectory() as folder:
            work = Path(folder)
            leaf = prepare(work, models, rows=20)
            shutil.rmtree(work / "dbt")
            for command in commands(leaf):
                costs = list(_costs(command, work / "sqlpipes", sqlpipes, repeat))
                curve = curves.setdefault(command.name, Curve(command.name))
                curve.costs[models] = middle(costs)
                print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return list(curves.values())


def _costs(command: Command, project: Path, sqlpipes: str, repeat: int) -> Iterator[Cost]:
    for _ in range(1 if command.slow else repeat):
        command.before(project)
        yield cost_of([sqlpipes, *command.words], project)


def table(curves: Sequence[Curve]) -> str:
    """Markdown: CPU seconds / peak MB for each size.

    >>> print(table([Curve("`ls`", {100: Cost(0.1, 0.1, 30), 1000: Cost(1.0, 1.0, 90)})]))
    | CPU s / peak MB at models | 100 | 1,000 | exponent |
    |---|---|---|---|
    | `ls` | 0.10 / 30 | 1.00 / 90 | 1.0 |
    """
    sizes = sorted(curves[0].costs)
    head = " | ".join(f"{size:,}" for size in sizes)
    lines = [
        f"| CPU s / peak MB at models | {head} | exponent |",
        "|---" * (len(sizes) + 2) + "|",
    ]
    for curve in curves:
        said = (curve.costs[size] for size in sizes)
        figures = " | ".join(f"{cost.cpu_s:.2f} / {cost.peak_mb:.0f}" for cost in said)
        lines.append(f"| {curve.name} | {figures} | {curve.exponent()} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=int, nargs="+", default=[100, 1000, 5000])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--svg", help="where the plot goes")
    parser.add_argument("--sqlpipes", help="the sqlpipes command; the one beside this Python")
    asked = parser.parse_args()
    ours = asked.sqlpipes or str(Path(sys.executable).parent / "sqlpipes")
    curves = measure(sorted(asked.models), ours, asked.repeat)
    print(table(curves))
    if asked.svg:
        lines = [
            Line(
                curve.name.replace("`", ""),
                [(n, cost.cpu_s) for n, cost in sorted(curve.costs.items())],
            )
            for curve in curves
        ]
        Path(asked.svg).write_text(plotted(lines, "models", "CPU seconds"), encoding="utf-8")


if __name__ == "__main__":
    main()
