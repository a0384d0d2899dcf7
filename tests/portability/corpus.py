"""The constructs that are run on both engines, and those that must be refused: tests/fixtures/portability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "portability"
MARKS = {"!": "refused", "~": "may"}


@dataclass(frozen=True)
class Case:
    """`verdict`: same, ordered, refused, or `may`: the same rows, unless the target says that it fails."""

    verdict: str
    query: str


def cases(target: str = "postgres") -> list[Case]:
    """What holds for another target than Postgres stands in a file of its name: a verdict, a query."""
    own = _verdicts(target)
    return [replace(case, verdict=own.get(case.query, case.verdict)) for case in _all(own)]


def _all(own: Mapping[str, str]) -> list[Case]:
    known = [*expressions(), *queries()]
    said = {case.query for case in known}
    return [*known, *(Case(verdict, query) for query, verdict in own.items() if query not in said)]


def _verdicts(target: str) -> dict[str, str]:
    path = FOLDER / f"{target}.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    pairs = (line.partition(": ") for line in lines if line and not line.startswith("#"))
    return {query: verdict for verdict, _, query in pairs}


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
