"""A build that is killed, or whose connection is cut, while it attaches a partition, comments, grants, makes
an index or commits: readers see all of the old or all of the new, and the next build puts it right."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from cli.projects import spawn
from places import Place
from servers.postgres import empty_postgres

import sqlpipes
from sqlpipes.api import Ask
from sqlpipes.api.sharing import Patience
from sqlpipes.core.errors import Problem

QUICK = Patience(beat_s=0.1, dead_after_s=1.0)
LOCK = "lock table main.a in share update exclusive mode"
# what: the statement of somebody else that it waits for, and what is new in the model
WAITS = {
    "attach": (LOCK, {"end": "2024-01-04"}),
    "comment": (LOCK, {"description": "new"}),
    "grant": ("grant insert on main.a to public", {"roles": "[analyst, loader]"}),
    "index": (LOCK, {"indexes": "[v, d]"}),
    "commit": ("select pg_advisory_xact_lock(4711)", {"description": "new"}),
}
OLD = {"end": "2024-01-03", "description": "old", "roles": "[analyst]", "indexes": "[v]"}
AT_COMMIT = (
    "create function main.hold() returns trigger language plpgsql as "
    "$$ begin perform pg_advisory_xact_lock(4711); return null; end $$",
    "create constraint trigger hold after insert on main.a deferrable initially deferred "
    "for each row execute function main.hold()",
)
SEEN = """
select (select string_agg(d || ':' || v, ',' order by d, v) from main.a),
  obj_description('main.a'::regclass, 'pg_class'),
  (select string_agg(pg_get_userbyid(grantee) || ' ' || privilege_type, ',' order by 1)
   from pg_class c, aclexplode(relacl) where c.oid = 'main.a'::regclass and grantee <> relowner),
  (select count(*) from pg_index where indrelid = 'main.a'::regclass and indisvalid),
  (select count(*) from pg_inherits where inhparent = 'main.a'::regclass),
  (select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where relkind = 'r' and nspname = 'main' and not relispartition)
"""


class Shop:
    def __init__(self, root: Path, url: str) -> None:
        self.root, self.plain = root, url.replace("+psycopg", "")
        self.place = Place("postgres", url)
        self.place.prepare(root)
        (root / "models").mkdir()
        (root / "sqlpipes.yml").write_text("name: shop\n")

    def write(self, said: dict[str, str]) -> None:
        head = (
            f"partition: {{by: day, column: d, start: 2024-01-01, end: {said['end']}}}\n"
            f"native_partitions: true\ndescription: {said['description']}\n"
            "persist_docs: {relation: true}\n"
            f"grants: {{select: {said['roles']}}}\nindexes: {said['indexes']}"
        )
        text = f"/*\n---\n{head}\n---\n*/\nselect * from raw.t\n"
        (self.root / "models" / "a.sql").write_text(text)

    def build(self, *, force: bool = False) -> list[Problem]:
        project = sqlpipes.load(str(self.root), environ={})
        failed = sqlpipes.build(project, Ask(force=force), wait_s=60, patience=QUICK).failed
        return [problem for event in failed for problem in event.problems]

    def sql(self, *statements: str) -> list[tuple[object, ...]]:
        return self.place.sql(self.root, *statements)

    def seen(self) -> tuple[object, ...]:
        return self.sql(SEEN)[0]


@pytest.fixture
def shop(tmp_path: Path, postgres_database: str) -> Shop:
    empty_postgres(postgres_database)
    found = Shop(tmp_path, postgres_database)
    for role in ("analyst", "loader"):
        found.sql(
            f"do $$ begin create role {role}; exception when duplicate_object then null; end $$"
        )
    found.sql(
        "create table raw.t (d date, v integer)",
        "insert into raw.t select date '2024-01-01' + n, n from generate_series(0, 2) as g(n)",
    )
    return found


def until(asked: Callable[[], list[tuple[object, ...]]]) -> object:
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        if found := asked():
            return found[0][0]
        time.sleep(0.02)
    raise AssertionError("it did not come to that")


def sessions(shop: Shop, where: str) -> list[tuple[object, ...]]:
    return shop.sql(
        "select pid from pg_stat_activity where application_name like 'sqlpipes%' "
        f"and datname = current_database() and {where}"
    )


def expected(old: tuple[object, ...], what: str) -> tuple[object, ...]:
    rows, comment, rights, indexes, parts, tables = old
    if what == "attach":
        return f"{rows},2024-01-03:2", comment, rights, indexes, 3, tables
    if what == "grant":
        return rows, comment, f"{rights},loader SELECT", indexes, parts, tables
    if what == "index":
        return rows, comment, rights, 2, parts, tables
    return rows, "new", rights, indexes, parts, tables


def wait_until_gone(shop: Shop) -> None:
    """Only then is it known what became of its transaction."""
    until(lambda: [] if sessions(shop, "state <> 'idle'") else [(True,)])


@pytest.mark.long
@pytest.mark.parametrize(
    ("what", "how"),
    [(what, "cut") for what in WAITS]
    + [(what, "killed") for what in ("attach", "comment", "commit")]
    + [pytest.param(what, "killed", marks=pytest.mark.nightly) for what in ("grant", "index")],
)
def test_the_next_build_puts_right_what_was_ended_in_the_middle(
    shop: Shop, what: str, how: str
) -> None:
    held, change = WAITS[what]
    shop.write(OLD)
    assert shop.build() == []
    if what == "commit":
        shop.sql(*AT_COMMIT)
    old, new = shop.seen(), expected(shop.seen(), what)
    shop.write({**OLD, **change})
    with psycopg.connect(shop.plain) as holder:
        holder.execute(held.encode())
        if how == "killed":
            child = spawn(shop.root, "build", "--force")
            until(lambda: sessions(shop, "wait_event_type = 'Lock'"))
            child.kill()
            child.communicate(timeout=20)
        else:
            builder = threading.Thread(target=shop.build, kwargs={"force": True}, daemon=True)
            builder.start()
            pid = until(lambda: sessions(shop, "wait_event_type = 'Lock'"))
            shop.sql(f"select pg_terminate_backend({pid})")
            holder.rollback()
            builder.join(30)
            assert not builder.is_alive()
        holder.rollback()
    wait_until_gone(shop)
    assert shop.seen() in (old, new)
    assert shop.build() == []
    assert shop.seen() == new
    assert not sqlpipes.plan(sqlpipes.load(str(shop.root), environ={})).steps
