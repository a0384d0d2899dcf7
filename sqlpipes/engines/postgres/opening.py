"""Why a server does not let us in -> EngineError: which part of the way, where the profile says it, a hint.

What is said before anybody is let in has no SQLSTATE, so it is known by its words, in English. No message
holds the password that was tried.
"""

from __future__ import annotations

import psycopg

from sqlpipes.core import faults
from sqlpipes.core.errors import EngineError, Location, Problem, did_you_mean
from sqlpipes.engines.libpq import ROLE, Way, way_of
from sqlpipes.engines.postgres.faults import first_line
from sqlpipes.engines.postgres.place import Place

LOOK_S = 3  # for the list of databases
DATABASES = (
    "select datname from pg_database where datallowconn and not datistemplate "
    "and has_database_privilege(oid, 'connect') order by 1 limit 50"
)
SHOWN = 10


BECOME = Way(faults.NO_RIGHT, ROLE, "see `role`: it must exist, and `user` must be a member of it")


def opening_error(error: BaseException, place: Place) -> EngineError:
    """Why there is no connection. ENG060 to ENG067 by the stage at which it failed, else ENG002."""
    said = " ".join(line.strip() for line in str(error).splitlines()[:2])
    way = _way(error, said)
    message = faults.unwrapped(first_line(error))
    hint = way.hint
    if way.code == faults.NO_DATABASE:
        hint = _databases(place) or hint
    if place.secret:
        message = message.replace(place.secret, "...")
    told = f"cannot connect to {place.name}: {message}"
    return EngineError(Problem(way.code, told, place.target.at(*way.keys), hint))


def _way(error: BaseException, said: str) -> Way:
    state = getattr(error, "sqlstate", None)
    if state in ("22023", "42501", "0LP01") and "role" in said:
        return BECOME
    if state and 'role "' in said and "does not exist" in said:
        return BECOME
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        said = f"timeout expired {said}"
    return way_of(said)


def _databases(place: Place) -> str | None:
    """The nearest of those that the same user may see, asked of the one that is always there."""
    wanted = str(place.arguments.get("dbname", ""))
    arguments = {**place.arguments, "dbname": "postgres", "connect_timeout": LOOK_S}
    try:
        with psycopg.connect(autocommit=True, **arguments) as driver:  # type: ignore[arg-type]
            found = [str(name) for (name,) in driver.execute(DATABASES).fetchall()]
    except psycopg.Error:
        return None
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    listed = f"there are: {', '.join(found[:SHOWN])}{more}"
    return did_you_mean(wanted, found) or (listed if found else None)


def setting_error(
    error: BaseException, name: str, value: str, at: Location | None = None
) -> EngineError:
    """A setting of the target that the server refuses, without its value, which may be a secret."""
    said = first_line(error)
    said = said.replace(value, "...") if value else said
    return EngineError(Problem("ENG009", f"the target's setting '{name}' is refused: {said}", at))
