"""An open server -> what would keep a build from writing there. Nothing is written to find out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Rows
from sqlpipes.core.errors import Problem, Severity
from sqlpipes.core.faults import NO_RIGHT, NOT_NOW
from sqlpipes.core.sql import literal

RIGHTS = """
select s.name, n.oid is not null,
  case when n.oid is null then has_database_privilege(current_database(), 'create')
  else has_schema_privilege(n.oid, 'create') and has_schema_privilege(n.oid, 'usage') end, current_user
from (values {names}) as s(name) left join pg_namespace n on n.nspname = s.name
"""
ROOM = """
select least(
  current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    - (select count(*) from pg_stat_activity where backend_type = 'client backend'),
  (select nullif(rolconnlimit, -1) from pg_roles where rolname = current_user),
  (select nullif(datconnlimit, -1) from pg_database where datname = current_database())
)
"""
OWN = (
    3  # connections beside those of the threads: the first one, and two that say that we are alive
)


class Asks(Protocol):
    """An open database."""

    catalog: str | None

    def ask(self, sql: str) -> Rows: ...


def obstacles(target: Target, engine: Asks, schemas: Sequence[str]) -> Iterator[Problem]:
    """Schemas that cannot be made or written to (ENG066), and fewer connections than threads (ENG067)."""
    names = ", ".join(f"({literal(schema)})" for schema in dict.fromkeys(schemas))
    for schema, stands, may, who in engine.ask(RIGHTS.format(names=names)).rows:
        if may:
            continue
        if stands:
            message = f"'{who}' may not create in the schema '{schema}'"
            hint = f'grant usage, create on schema "{schema}" to "{who}"'
        else:
            message = f"there is no schema '{schema}', and '{who}' may not make one"
            hint = f'have it made, or: grant create on database "{engine.catalog}" to "{who}"'
        at = target.at("schema") if schema == target.schema else target.at("user", "role")
        yield Problem(NO_RIGHT, message, at, hint)
    room = engine.ask(ROOM).rows[0][0]
    if room is not None and int(room) + 1 < target.threads + OWN:
        message = (
            f"{target.threads} threads want {target.threads + OWN} connections; {room} are free"
        )
        hint = "fewer steps run at once; lower `threads`, or raise the server's max_connections"
        yield Problem(NOT_NOW, message, target.at("threads"), hint, Severity.WARNING)
