"""Sessions of ours -> what each of them waits for, and who has it, as the server's catalogue says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlpipes.core.blocked import Blocked, Holder

LONGEST = 200  # characters of a query that are brought over
# Who waits for nothing is not asked about: looking for who is in the way stops the server's locks.
BLOCKED = """
select w.pid, l.locktype, n.nspname || '.' || c.relname, k.pid, b.application_name, b.state,
  to_char(b.state_change, 'HH24:MI:SS'), left(b.query, {longest})
from pg_stat_activity w
left join lateral (
  select locktype, relation from pg_locks where pid = w.pid and not granted limit 1
) as l on true
left join pg_class c on c.oid = l.relation left join pg_namespace n on n.oid = c.relnamespace
cross join lateral unnest(pg_blocking_pids(w.pid)) as k(pid)
left join pg_stat_activity b on b.pid = k.pid
where w.pid in ({sessions}) and w.wait_event_type = 'Lock'
order by w.pid, b.state_change nulls last, k.pid
"""


def blocked_sql(sessions: Collection[int]) -> str:
    """A row for each pair of a session that waits and one that it waits for."""
    listed = ", ".join(str(int(each)) for each in sorted(sessions)) or "null"
    return BLOCKED.format(longest=LONGEST, sessions=listed)


def blocked_of(rows: Iterable[tuple[Any, ...]]) -> Mapping[int, Blocked]:
    found: dict[int, Blocked] = {}
    for pid, kind, name, holder, *said in rows:
        told = Holder(int(holder), *(str(each or "") for each in said))
        before = found[pid].holders if pid in found else ()
        if told not in before:
            found[pid] = Blocked(_what(kind or "", name or ""), (*before, told))
    return found


def _what(kind: str, name: str) -> str:
    """In words: `kind` is pg_locks' locktype.

    >>> _what("relation", "main.a"), _what("transactionid", "")
    ('a lock on main.a', 'rows that another transaction has written')
    """
    if kind == "tuple":
        return f"a row of {name}"
    if kind == "transactionid":
        return "rows that another transaction has written"
    if name:
        return f"a lock on {name}"
    return "an advisory lock" if kind == "advisory" else "a lock"
