"""Calls of functions that the everyday commands make, at three sizes of a project: does it grow evenly?

    python benchmarks/calls.py                     60, 120 and 240 models; half a minute
    python benchmarks/calls.py --models 1000       250, 500 and 1,000; two minutes

Counts, not seconds: they are the same on every machine and beside any other work, so a test bounds them. A
step is what the last doubling added over what the one before it had added: 2 is even growth, 4 a square.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cli import Prepare, forget_built, forget_parsed, prepare, touch_model
from cost import cost_of

HERE = Path(__file__).parent
COUNT = "calls.txt"


@dataclass(frozen=True, slots=True)
class Command:
    """`before` puts the project into the state that the name tells."""

    name: str
    words: tuple[str, ...]
    before: Prepare = lambda project: None


@dataclass(frozen=True, slots=True)
class Calls:
    """Of one command at the three sizes, each twice the one before."""

    small: int
    middle: int
    large: int
    models: int  # of the largest

    @property
    def each(self) -> float:
        """A model more costs this many."""
        return (self.large - self.middle) / (self.models / 2)

    @property
    def step(self) -> float:
        """
        >>> Calls(100, 110, 130, 40).step
        2.0
        """
        return (self.large - self.middle) / max(1, self.middle - self.small)


def commands(leaf: str) -> Iterator[Command]:
    """In the order in which they can be done: the first build leaves what the others find."""
    yield Command("`ls`, cold", ("ls",), forget_parsed)
    yield Command("`ls`, the second", ("ls",))
    yield Command("`ls`, warm", ("ls",))
    yield Command("`ls`, one file changed", ("ls",), touch_model(leaf))
    yield Command("`build`, first", ("build",), forget_built)
    yield Command("`build`, the second", ("build",))
    yield Command("`build`, nothing changed", ("build",))
    yield Command("`plan`, nothing changed", ("plan",))
    yield Command("`build`, leaf changed", ("build", "-s", leaf), touch_model(leaf))
    yield Command("`compile leaf`", ("compile", leaf))
    yield Command("`impact --against built`", ("impact", "--against", "built"))
    yield Command("`docs`", ("docs",), lambda project: shutil.rmtree(project / "site", True))


def measure(models: int) -> dict[str, Calls]:
    """By the commands' names; projects of `models`, of a half and of a quarter of them."""
    columns = [counted(size) for size in (models // 4, models // 2, models)]
    return {name: Calls(*(each[name] for each in columns), models) for name in columns[0]}


def counted(models: int) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        leaf = prepare(work, models, rows=20)
        project = work / "sqlpipes"
        found = {}
        for command in commands(leaf):
            command.before(project)
            found[command.name] = calls_of(command.words, project)
        return found


def calls_of(words: tuple[str, ...], project: Path) -> int:
    """RuntimeError with the end of what the command printed when it fails."""
    counting = [sys.executable, str(HERE / "counting.py"), COUNT, *words]
    cost_of(counting, project, {"PYTHONHASHSEED": "0"})
    return int((project / COUNT).read_text(encoding="utf-8"))


def table(found: dict[str, Calls]) -> str:
    """Markdown, in thousands of calls."""
    models = next(iter(found.values())).models
    sizes = " | ".join(f"{size}" for size in (models // 4, models // 2, models))
    lines = [f"| 1,000 calls at models | {sizes} | a model more | step |", "|---" * 6 + "|"]
    for name, calls in found.items():
        said = (calls.small, calls.middle, calls.large)
        figures = " | ".join(f"{count / 1000:,.0f}" for count in said)
        lines.append(f"| {name} | {figures} | {calls.each / 1000:.2f} | {calls.step:.2f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=int, default=240, help="of the largest of three projects")
    parser.add_argument(
        "--json", action="store_true", help="a model more, and the step, by command"
    )
    asked = parser.parse_args()
    found = measure(asked.models)
    if asked.json:
        print(json.dumps({name: {"each": c.each, "step": c.step} for name, c in found.items()}))
    else:
        print(table(found))


if __name__ == "__main__":
    main()
