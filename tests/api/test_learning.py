"""What is learnt of columns, and when: nothing by a build, and later what has changed and what reads it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from edited import EDITS, build, built, held_and_true, is_settled, make_shop, write

import sqlpipes
from sqlpipes.api.project import open_store_of
from sqlpipes.core.asset import SqlBody
from sqlpipes.core.lineage import Tracer

STEPS = 30


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_shop(tmp_path)


def learnt(root: Path) -> dict[str, int]:
    """The files of what was learnt -> how much is in them."""
    kept = root / ".sqlpipes" / "cache"
    found = {name: kept / f"{name}.json" for name in ("columns", "defined")}
    return {name: len(json.loads(p.read_text())) for name, p in found.items() if p.exists()}


def chain(root: Path, steps: int = STEPS) -> None:
    """Each step reads the one before it, and a reader beside it reads it by one column."""
    above = "users"
    for number in range(steps):
        write(root, f"step_{number}", f"select *, {number} as n_{number} from {above}")
        above = f"step_{number}"
        write(root, f"ids_{number}", f"select id from {above}")


def test_a_first_build_reads_no_query_for_its_columns(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted at the one place where a query is read for them; nothing is put in its place."""
    read: list[str] = []
    reading = Tracer.read

    def counted(self: Tracer, asset: sqlpipes.core.asset.Asset, body: SqlBody) -> object:
        read.append(asset.name)
        return reading(self, asset, body)

    monkeypatch.setattr(Tracer, "read", counted)
    chain(shop)
    build(shop)
    assert read == []
    assert learnt(shop) == {}
    write(shop, "ids_3", "select id, n_2 from step_3")
    assert built(build(shop)) == {"ids_3"}
    assert set(read) <= {"ids_3", "step_3"}


def test_an_edit_costs_what_it_touches(shop: Path) -> None:
    chain(shop)
    build(shop)
    write(
        shop, "step_25", "select * exclude (email), upper(email) as email, 25 as n_25 from step_24"
    )
    done = built(build(shop))
    assert "ids_25" not in done
    assert {"step_25", "step_29"} <= done
    assert 0 < learnt(shop)["columns"] <= 2 * (STEPS - 25) + 1
    assert is_settled(shop)


@pytest.mark.parametrize("edit", EDITS)
def test_nothing_hangs_on_what_was_kept_of_it(shop: Path, edit: str) -> None:
    queries = {"ids": "select id from users", "all": "select * from users"}
    for name, query in queries.items():
        write(shop, name, query)
    done = []
    for text in (EDITS[edit], EDITS["other values"], EDITS[edit]):
        build(shop)
        write(shop, "users", text)
        shutil.rmtree(shop / ".sqlpipes" / "cache")
        done.append(built(build(shop)))
        held, true = held_and_true(shop, queries)
        assert held == true
        assert is_settled(shop)
    if edit == "at the end":
        assert all("ids" not in each for each in done)


def test_a_table_counts_as_it_was_when_it_was_read(shop: Path) -> None:
    """`sums` was built of the older columns and never since; that is what its edit is held against."""
    write(
        shop, "sums", "select id, sum(amount) as total, max(email) as mail from users group by id"
    )
    write(shop, "totals", "select total from sums")
    build(shop)
    write(shop, "users", EDITS["in the middle"])
    assert built(build(shop)) == {"users"}
    write(
        shop, "sums", "select id, sum(amount) as total, min(email) as mail from users group by id"
    )
    report = build(shop)
    assert built(report) == {"sums"}
    assert [each.asset for each in report.plan.spared] == ["totals"]


def test_a_new_column_that_takes_a_name_over_counts(shop: Path) -> None:
    """`amount` was that of `raw`; the new one of `users` is nearer."""
    query = "select id, (select max(email) from users where amount = 20) as m from raw"
    write(shop, "found", query)
    write(shop, "users", "select id, email from raw")
    build(shop)
    write(shop, "users", "select id, email, 10 as amount from raw")
    assert built(build(shop)) == {"users", "found"}
    held, true = held_and_true(shop, {"found": query})
    assert held == true
    assert is_settled(shop)


@pytest.mark.parametrize("how", ["view", "ephemeral"])
def test_a_star_through_what_stores_nothing(shop: Path, how: str) -> None:
    write(shop, "middle", "select * from users", f"/*\n---\nmaterialized: {how}\n---\n*/\n")
    write(shop, "all_of_it", "select * from middle")
    write(shop, "ids", "select id from middle")
    build(shop)
    write(shop, "users", EDITS["at the end"])
    done = built(build(shop))
    assert "all_of_it" in done
    assert ("ids" in done) == (how == "ephemeral")  # whose star is in its own query
    held, true = held_and_true(shop, {"all_of_it": "select * from users"})
    assert held == true
    assert is_settled(shop)


def test_what_an_older_sqlpipes_recorded_is_in_doubt(shop: Path) -> None:
    write(shop, "ids", "select id from users")
    build(shop)
    project = sqlpipes.load(str(shop), environ={})
    with closing(open_store_of(project)) as store:
        recorded = store.definitions(["users", "ids"])
    with closing(sqlite3.connect(shop / ".sqlpipes" / "state.db")) as db, db:
        for name, text in recorded.items():
            said = {key: value for key, value in json.loads(text).items() if key != "basis"}
            db.execute(
                "update sqlpipes_assets set definition = ? where asset = ?",
                (json.dumps(said), name),
            )
    write(shop, "users", EDITS["at the end"])
    assert built(build(shop)) == {"users", "ids"}
    write(shop, "users", EDITS["other values"])
    assert built(build(shop)) == {"users"}
