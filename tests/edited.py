"""A small project whose table `users` is edited, and what its readers hold afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb

import sqlpipes
from sqlpipes.core.events import StepFinished

TABLE = "/*\n---\nmaterialized: table\n---\n*/\n"
RAW = "id,amount,email,day\n1,10,a@x,2024-01-01\n2,20,b@x,2024-01-02\n3,30,a@x,2024-01-03\n"
USERS = "select id, amount, email, day from raw"

EDITS = {
    "other values": "select id, amount, 'z' || (9 - id) as email, day from raw",
    "at the end": "select id, amount, email, day, 1 as extra from raw",
    "in the middle": "select id, 1 as extra, amount, email, day from raw",
    "another order": "select email, day, amount, id from raw",
    "other rows": "select id, amount, email, day from raw where id < 3",
}


def write(root: Path, name: str, text: str, head: str = TABLE) -> None:
    (root / "models").mkdir(exist_ok=True)
    (root / "models" / f"{name}.sql").write_text(f"{head}{text}\n")


def make_shop(root: Path) -> Path:
    """Its seed and `users`; what reads them is up to the test."""
    (root / "sqlpipes.yml").write_text("name: shop\n")
    (root / "seeds").mkdir()
    (root / "seeds" / "raw.csv").write_text(RAW)
    write(root, "users", USERS)
    return root


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
