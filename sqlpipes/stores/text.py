"""Values as the JSON text that the state keeps, and back. Nothing here fails on odd data."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from sqlpipes.core.errors import Location, Problem, Severity
from sqlpipes.core.events import OpCall
from sqlpipes.core.partitions import (
    Axis,
    Labels,
    Partitions,
    Range,
    axis_from,
    axis_plain,
    rest_of,
)
from sqlpipes.core.status import Status

SliceRow = tuple[str, int, int]  # what it is a slice of, low, high
LABELS_LENGTH = (
    1500  # of text in one row: it stands in an index, whose entries some databases bound
)


def json_text(value: Any) -> str:
    """Any value as JSON in ASCII; what JSON cannot say becomes its text."""
    return json.dumps(value, default=str, separators=(",", ":"))


def plain_text(value: str) -> str:
    """Text that every database takes: no NUL, no half of a surrogate pair.

    >>> plain_text("a\\x00b")
    'a\\ufffdb'
    """
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def slices_text(slices: Partitions) -> str:
    """
    >>> from sqlpipes.core.partitions import Grain
    >>> slices_text(Partitions.of(Grain.DAY, [(0, 3)]))
    '{"grain":"day","ranges":[[0,3]]}'
    """
    said = {"grain": axis_plain(slices.axis)}
    if rest_of(slices.axis):
        return json_text({**said, "rows": slices.rows})
    return json_text({**said, "ranges": slices.ranges})


def slices_from(text: str) -> Partitions:
    said = json.loads(text)
    axis = axis_from(said["grain"])
    if "rows" in said:
        return Partitions.of_rows(axis, [(tuple(labels), _pairs(r)) for labels, r in said["rows"]])
    return Partitions.of(axis, _pairs(said["ranges"]))


def moved_text(moved_at: int | None, columns: Iterable[tuple[str, int]]) -> str:
    """When slices last changed as a whole, and which columns of them did since; empty: when written.

    >>> moved_text(3, [("email", 9)]), moved_text(None, ())
    ('[3,{"email":9}]', '')
    """
    return "" if moved_at is None else json_text([moved_at, dict(columns)])


def moved_from(text: str) -> tuple[int | None, tuple[tuple[str, int], ...]]:
    if not text:
        return None, ()
    moved_at, columns = json.loads(text)
    return moved_at, tuple(sorted(columns.items()))


def ops_text(ops: Iterable[OpCall]) -> str:
    return json_text([asdict(op) for op in ops])


def ops_from(text: str) -> tuple[OpCall, ...]:
    return tuple(OpCall(**{**said, "status": Status(said["status"])}) for said in json.loads(text))


def _pairs(found: Iterable[Iterable[int]]) -> list[Range]:
    return [(low, high) for low, high in found]


def slice_rows(slices: Partitions) -> Iterator[SliceRow]:
    """A set of slices as rows of the table of slices; many labels of one range share a row.

    >>> list(slice_rows(Partitions.of_values(["eu", "us"])))
    [('{"by":"values","at":[["eu"],["us"]]}', 0, 1)]
    """
    plain = axis_plain(slices.axis)
    if not rest_of(slices.axis):
        text = plain if isinstance(plain, str) else json_text(plain)
        yield from ((text, low, high) for low, high in slices.ranges)
        return
    for (low, high), labels in slices.boxes():
        for part in _in_parts(labels):
            yield json_text({**plain, "at": part}), low, high


def _in_parts(labels: Iterable[Labels]) -> Iterator[list[Labels]]:
    part: list[Labels] = []
    length = 0
    for one in labels:
        more = len(json_text(one))
        if part and length + more > LABELS_LENGTH:
            yield part
            part, length = [], 0
        part.append(one)
        length += more
    if part:
        yield part


def window_text(axis: Axis, labels: Labels) -> str:
    """What one window is a slice of, as `slice_rows` writes it.

    >>> window_text(Partitions.of_values([]).axis, ("eu",))
    '{"by":"values","at":[["eu"]]}'
    """
    plain = axis_plain(axis)
    if labels:
        return json_text({**plain, "at": [labels]})
    return plain if isinstance(plain, str) else json_text(plain)


def labels_from(text: str, axis: Axis) -> Labels | None:
    """The labels that `window_text` wrote; None when it was of another axis."""
    said = json.loads(text) if text.startswith("{") else text
    all_labels = said.pop("at", [()]) if isinstance(said, dict) else [()]
    return tuple(all_labels[0]) if axis_from(said) == axis else None


def slices_of_rows(rows: Iterable[SliceRow]) -> list[Partitions]:
    """The sets of slices that rows of one write hold, one set per axis."""
    found: dict[Axis, list[tuple[Labels, list[Range]]]] = {}
    for text, low, high in rows:
        if not text.startswith("{"):
            found.setdefault(_plain_axis(text), []).append(((), [(low, high)]))
            continue
        said = json.loads(text)
        all_labels = said.pop("at", [()])
        pieces = found.setdefault(axis_from(said), [])
        pieces += [(tuple(labels), [(low, high)]) for labels in all_labels]
    return [Partitions.of_rows(axis, pieces) for axis, pieces in found.items()]


@lru_cache(maxsize=64)
def _plain_axis(text: str) -> Axis:
    """Thousands of rows say the same few words."""
    return axis_from(text)


def problems_text(problems: Iterable[Problem]) -> str:
    return json_text([_problem_plain(problem) for problem in problems])


def problems_from(text: str) -> tuple[Problem, ...]:
    return tuple(_problem_from(said) for said in json.loads(text))


def _problem_plain(problem: Problem) -> dict[str, Any]:
    return {
        "code": problem.code,
        "message": problem.message,
        "at": _place(problem.at) if problem.at else None,
        "hint": problem.hint,
        "severity": problem.severity.value,
        "others": [_place(other) for other in problem.others],
    }


def _place(at: Location) -> list[Any]:
    return [at.file, at.line, at.column, at.length]


def _problem_from(said: dict[str, Any]) -> Problem:
    return Problem(
        said["code"],
        said["message"],
        at=Location(*said["at"]) if said["at"] else None,
        hint=said["hint"],
        severity=Severity(said["severity"]),
        others=tuple(Location(*other) for other in said["others"]),
    )
