"""The constructs that are run on both engines, and those that must be refused: tests/fixtures/portability."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "portability"
MARKS = {"!": "refused", "~": "may"}


@dataclass(frozen=True)
class Case:
    """`verdict`: same, ordered, refused, or `may`: the same rows, unless the target says that it fails."""

    verdict: str
    query: str


def cases() -> list[Case]:
    return [*expressions(), *queries()]


def expressions() -> list[Case]:
    """Each line of expressions.txt as a column beside the row's number."""
    lines = (FOLDER / "expressions.txt").read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines:
        if line and not line.startswith("#"):
            verdict = MARKS.get(line[0], "same")
            text = line if verdict == "same" else line[1:]
            found.append(Case(verdict, f"select id, {text} as v from t"))
    return found


def queries() -> list[Case]:
    text = (FOLDER / "queries.sql").read_text(encoding="utf-8")
    found = []
    for part in text.split(";\n"):
        lines = part.strip().splitlines()
        if lines:
            found.append(Case(lines[-2].removeprefix("-- "), lines[-1]))
    return found
