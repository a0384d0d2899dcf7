"""An open connection -> what the database can do, found out by trying it on relations of our own.

Where DDL can be rolled back nothing is ever committed; else what was made is dropped at the end.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.engine import Capabilities
from sqlpipes.core.errors import EngineError, Problem

TRIED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "limit": ("select 1 as x limit 0",),
        "create_table_as": ("create table {t} as select 1 as x",),
        "create_or_replace_table": (
            "create table {t} as select 1 as x",
            "create or replace table {t} as select 2 as x",
        ),
        "temporary_tables": ("create temporary table {t} as select 1 as x",),
        "replaces_views": (
            "create view {v} as select 1 as x",
            "create or replace view {v} as select 1 as x",
        ),
        "renames": ("create table {t} (x integer)", "alter table {t} rename to {o}"),
        "merge": (
            "create table {t} (x integer)",
            "merge into {t} as old using (select 1 as x) as new on old.x = new.x "
            "when matched then update set x = new.x "
            "when not matched then insert (x) values (new.x)",
        ),
    }
)
NEEDED = ("limit", "create_table_as", "temporary_tables")
ASKED = ("transactional_ddl", *TRIED)
"""What `capabilities:` of a target may say instead."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What was found out, by name; `version` is the server's."""

    found: Mapping[str, bool]
    version: str = ""
    how: str = "asked"  # or: remembered, taken for granted

    def lines(self) -> tuple[str, ...]:
        """What `sqlpipes debug` prints.

        >>> Answers({"merge": True, "renames": False}, "3.40").lines()
        ('3.40, asked: merge', 'without renames')
        """
        can = ", ".join(name for name, held in self.found.items() if held)
        cannot = ", ".join(name for name, held in self.found.items() if not held)
        first = f"{self.version or 'version unknown'}, {self.how}: {can or 'nothing'}"
        return (first, f"without {cannot}") if cannot else (first,)


def capable(can: Capabilities, answers: Answers) -> Capabilities:
    """The words of a dialect with the flags that were found out. Rows come and go over temporary tables,
    without which there is no build."""
    found = answers.found
    return replace(
        can,
        crosses=True,
        transactional_ddl=found["transactional_ddl"],
        create_or_replace_table=found["create_or_replace_table"],
        merge=found["merge"],
        renames=found["renames"] and found["transactional_ddl"],
        replaces_views=found["replaces_views"],
    )


def demand_needed(answers: Answers, name: str) -> None:
    """EngineError ENG050 for a database that lacks what every build says."""
    lacking = [what for what in NEEDED if not answers.found[what]]
    if lacking:
        message = f"{name} lacks what a build needs: {', '.join(lacking)}"
        hint = "where that is wrong, say so in the target: capabilities: {limit: true}"
        raise EngineError(Problem("ENG050", message, hint=hint))


def granted(can: Capabilities) -> Answers:
    """What is taken for granted where nobody may ask."""
    flags = {name: bool(getattr(can, name, True)) for name in ASKED}
    return Answers(flags, how="taken for granted")


def ask(link: Any, begin: str, said: Mapping[str, bool]) -> Answers:
    """All that is not `said` already. `link` is SQLAlchemy's connection, with no transaction open;
    `begin` is what begins one, where the driver does not."""
    names = {"t": f"sqlpipes_probe_{uuid.uuid4().hex[:8]}"}
    names |= {"v": f"{names['t']}_v", "o": f"{names['t']}_o"}
    rolls_back = said.get("transactional_ddl")
    if rolls_back is None:
        rolls_back = _rolls_back(link, begin, names)
    found = {"transactional_ddl": rolls_back}
    for what, statements in TRIED.items():
        if what in said:
            found[what] = said[what]
        else:
            found[what] = _holds(link, begin, [each.format(**names) for each in statements])
            _clear(link, names, rolls_back)
    return Answers(found, _version(link))


def _rolls_back(link: Any, begin: str, names: Mapping[str, str]) -> bool:
    if not _holds(link, begin, [f"create table {names['t']} (x integer)"]):
        return False
    there = _holds(link, "", [f"select x from {names['t']}"])
    if there:
        _clear(link, names, False)
    return not there


def _holds(link: Any, begin: str, statements: Iterable[str]) -> bool:
    """Whether the database takes all of them; they are rolled back, where it can."""
    from sqlalchemy import exc

    try:
        for statement in filter(None, (begin, *statements)):
            link.exec_driver_sql(statement)
        return True
    except exc.DBAPIError as error:
        if error.connection_invalidated:
            raise
        return False
    finally:
        link.rollback()


def _clear(link: Any, names: Mapping[str, str], rolls_back: bool) -> None:
    if rolls_back:
        return
    for kind, name in (("view", "v"), ("table", "t"), ("table", "o")):
        if _holds(link, "", [f"select x from {names[name]}"]):
            link.exec_driver_sql(f"drop {kind} {names[name]}")
            link.commit()


def _version(link: Any) -> str:
    found = getattr(link.dialect, "server_version_info", None)
    return ".".join(map(str, found)) if found else ""
