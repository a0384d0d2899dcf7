"""What reads only columns that stayed is not built, and whatever is not proven is: on real projects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

import sqlpipes
from sqlpipes.core.events import StepFinished

TABLE = "/*\n---\nmaterialized: table\n---\n*/\n"
RAW = "id,amount,email,day\n1,10,a@x,2024-01-01\n2,20,b@x,2024-01-02\n3,30,a@x,2024-01-03\n"
USERS = "select id, amount, email, day from raw"

READERS = {  # name -> what it does with the table, whose column `email` gets other values
    "ids": "select id from users",
    "sums": "select id, sum(amount) as total from users group by id",
    "rows": "select count(*) as n from users",
    "in_cte": "with u as (select * from users) select id from u",
    "nested": "select id from (select id, email from users)",
    "windowed": "select id, sum(amount) over (partition by day) as s from users",
    "joined": "select u.id, r.amount from users u join raw r on r.id = u.id",
    "exists": "select id from raw where exists (select 1 from users u where u.id = raw.id)",
    "without": "select * exclude (email) from users",
}
TOUCHED = {
    "stars": "select * from users",
    "whole_row": "select u from users u",
    "as_json": "select to_json(u) as j from users u",
    "hashed": "select hash(u) as h from users u",
    "filtered": "select id from users where email <> 'a@x'",
    "grouped": "select max(id) as id from users group by email",
    "ordered": "select id from users order by email, id limit 1",
    "distinct_rows": "select count(*) as n from (select distinct email from users)",
    "united": "select id from users union select length(email) from users",
    "in_join": "select u.id from users u join users v on u.email = v.email and u.id < v.id",
    "in_window": "select id, row_number() over (order by email, id) as n from users",
    "qualified": "select id from users qualify row_number() over (order by email, id) = 1",
    "correlated": "select id, (select max(v.id) from users v where v.email = u.email) as m from users u",
    "in_exists": "select id from raw where exists (select 1 from users u where u.email = raw.email)",
    "pattern": "select columns('e.*') from users",
    "packed": "select struct_pack(e := email) as s from users",
    "counted": "select count(distinct email) as n from users",
    "listed": "select list(email order by id) as l from users",
    "newest": "select max_by(id, email) as m from users",
    "renamed": "select y from users as t(x, z, y, w)",
    "ranked": "select id, sum(amount) over (order by email, id) as s from users",
    "having_it": "select id from users group by id having max(email) <> 'a@x'",
    "except_it": "select email from raw except select email from users",
    "lateral": "select id, l.e from users, lateral (select email || '!' as e) l",
    "unpivoted": "select * from (unpivot (select id, email, cast(day as varchar) as d from users) "
    "on email, d into name n value v)",
    "asof": "select u.id from raw r asof join users u on r.email >= u.email",
    "described": "select count(*) as n from (summarize users)",
    "everything": "from users",
    "natural": "select count(*) as n from users natural join raw",
    "used": "select users.id from users join raw using (id, email)",
}


def write(root: Path, name: str, text: str, head: str = TABLE) -> None:
    (root / "models").mkdir(exist_ok=True)
    (root / "models" / f"{name}.sql").write_text(f"{head}{text}\n")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "sqlpipes.yml").write_text("name: shop\n")
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "raw.csv").write_text(RAW)
    write(tmp_path, "users", USERS)
    return tmp_path


def build(root: Path, **ask: Any) -> sqlpipes.Report:
    report = sqlpipes.build(sqlpipes.load(str(root), environ={}), sqlpipes.api.Ask(**ask))
    assert report.ok, [event.problems for event in report.failed]
    return report


def built(report: sqlpipes.Report) -> set[str]:
    return {event.asset for event in report.events if isinstance(event, StepFinished)}


def is_settled(root: Path) -> bool:
    return sqlpipes.plan(sqlpipes.load(str(root), environ={})).steps == ()


def held_and_true(root: Path, queries: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What each table holds, and what its query says now."""
    with duckdb.connect(str(root / "shop.duckdb")) as db:
        held = {n: sorted(db.execute(f"from main.{n}").fetchall(), key=repr) for n in queries}
        true = {n: sorted(db.execute(q).fetchall(), key=repr) for n, q in queries.items()}
    return held, true


EDITS = {
    "other values": "select id, amount, 'z' || (9 - id) as email, day from raw",
    "at the end": "select id, amount, email, day, 1 as extra from raw",
    "in the middle": "select id, 1 as extra, amount, email, day from raw",
    "another order": "select email, day, amount, id from raw",
    "other rows": "select id, amount, email, day from raw where id < 3",
}


@pytest.mark.parametrize("edit", EDITS)
def test_every_reader_is_right_whatever_it_does_with_a_column(shop: Path, edit: str) -> None:
    everything = READERS | TOUCHED
    for name, query in everything.items():
        write(shop, name, query)
    build(shop)
    write(shop, "users", EDITS[edit])
    report = build(shop)
    held, true = held_and_true(shop, everything)
    assert held == true
    assert is_settled(shop)
    if edit == "other values":
        assert not built(report) & READERS.keys()
        assert {each.asset for each in report.plan.spared} == READERS.keys()
    if edit == "other rows":
        assert built(report) >= READERS.keys()
