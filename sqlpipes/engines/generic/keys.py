"""Columns of a table and its indexes -> the index by which MariaDB and MySQL find rows of a key.

Without one they compare each row of a table with each of the other where two meet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

KEY = "sqlpipes_key"
WIDE = re.compile(r"(?i)(?:tiny|medium|long)?(?:text|blob)\b|(?:var)?(?:char|binary)\((\d+)\)")
UNKNOWN = re.compile(
    r"(?i)json|geometry|point|linestring|polygon|multi|vector"
)  # no plain index has them
MOST = 16  # columns of an index
LONGEST = 191  # characters of a column: 767 bytes, and four for each
ROOM = 700  # characters of all of them: 3072 bytes


def key_index(
    table: str,
    types: Mapping[str, str],
    indexes: Mapping[str, Sequence[str]],
    wanted: Sequence[str],
    spell: Callable[[str], str],
) -> str | None:
    """The statement that makes it; None where there is one, or where no column of the key can be in one.

    `types` of the columns and the columns of each of the `indexes`; `table` is quoted.

    >>> key_index("t", {"id": "longtext", "n": "int(11)"}, {}, ["ID", "n"], str)
    'alter table t add index sqlpipes_key (id(191), n)'
    >>> key_index("t", {"id": "int"}, {"mine": ["id", "x"]}, ["id"], str)
    >>> key_index("t", {"id": "int", "n": "int"}, {"sqlpipes_key": ["id"]}, ["n"], str)
    'alter table t drop index sqlpipes_key, add index sqlpipes_key (n)'
    """
    names = {name.casefold(): name for name in types}
    found = [names[each.casefold()] for each in wanted if each.casefold() in names]
    found = [each for each in found if not UNKNOWN.match(types[each])][:MOST]
    key = {each.casefold() for each in found}
    begins = ({each.casefold() for each in held[: len(key)]} for held in indexes.values())
    if not key or key in begins:
        return None
    wide = sum(1 for each in found if WIDE.match(types[each]))
    longest = min(LONGEST, ROOM // max(wide, 1))
    listed = ", ".join(spell(each) + _part(types[each], longest) for each in found)
    gone = f"drop index {KEY}, " if KEY in indexes else ""
    return f"alter table {table} {gone}add index {KEY} ({listed})"


def _part(kind: str, longest: int) -> str:
    """How much of a text stands in the index.

    >>> _part("varchar(20)", 191), _part("varchar(900)", 191), _part("blob", 191), _part("date", 191)
    ('', '(191)', '(191)', '')
    """
    found = WIDE.match(kind)
    if found is None or (found[1] and int(found[1]) <= longest):
        return ""
    return f"({longest})"
