"""Two images of an asset whose query is the same + inputs with other columns -> what the query makes of them.

A star takes what is there, a set operation goes by places, and a name that is gone may mean an alias. Edges
of the newer query alone tell none of that; digests and columns of both do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.impact import AssetImage
from sqlpipes.core.sql import fold


@dataclass(slots=True)
class Restated:
    """`columns`: those that are others, folded -> as spelt. `because` and `unknown`: how, a line each."""

    columns: dict[str, str] = field(default_factory=dict)
    rows: bool = False
    because: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def looks_other(old: AssetImage | None, new: AssetImage | None) -> bool:
    """Whether a table has other columns than before, or the same in another order."""
    if old is None or new is None:
        return old is not new
    return _names(old) != _names(new) or old.listed != new.listed


def restated(old: AssetImage, new: AssetImage, source: str, dialect: str) -> Restated:
    """`source`: the input whose columns are others."""
    found = Restated()
    before = {fold(name, True, dialect): name for name in _names(old)}
    after = {fold(name, True, dialect): name for name in _names(new)}
    if not (old.listed and new.listed):
        found.unknown.append(f"which columns it takes of {source} is not known")
    else:
        for key, said in _look(before, after):
            found.columns[key] = after.get(key) or before[key]
            found.because.append(f"{said} with {source}")
        if not found.columns and list(before) != list(after):
            found.columns = dict(after)
            found.because.append(f"its columns stand in another order with {source}")
    for key in (key for key in after if key in before):
        _compare(found, old.digests.get(key), new.digests.get(key), key, after[key], source)
    _compare_rows(found, old, new, source)
    return found


def _names(image: AssetImage) -> list[str]:
    return [name for name, _ in image.columns]


def _look(before: dict[str, str], after: dict[str, str]) -> Iterator[tuple[str, str]]:
    yield from ((key, f"loses {before[key]}") for key in before if key not in after)
    yield from ((key, f"gains {after[key]}") for key in after if key not in before)


def _compare(
    found: Restated, old: str | None, new: str | None, key: str, name: str, source: str
) -> None:
    if not (old and new):
        found.unknown.append(f"what {name} is with the columns of {source} is not known")
    elif old != new:
        found.columns[key] = name
        found.because.append(f"{name} is made of other columns of {source}")


def _compare_rows(found: Restated, old: AssetImage, new: AssetImage, source: str) -> None:
    if not (old.rows and new.rows):
        found.unknown.append(f"which rows it has with the columns of {source} is not known")
    elif old.rows != new.rows:
        found.rows = True
        found.because.append(f"its rows are decided by other columns of {source}")
