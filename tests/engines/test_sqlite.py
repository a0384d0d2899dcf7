"""A SQLite that others write to as well: broken views, locks, and what a profile says of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from cli.projects import ok, run, write

from sqlpipes.core.config import Target
from sqlpipes.core.sql import Relation
from sqlpipes.engines import open_engine

PROJECT = {
    "sqlpipes.yml": "name: shop\n",
    "profiles.yml": "shop: {outputs: {dev: {type: sqlite, path: shop.db}}}\n",
    "models/base.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect 1 as x\n",
}


def project(folder: Path, files: Mapping[str, str] = PROJECT, **more: str) -> Path:
    own = {f"models/{name}.sql": text for name, text in more.items()}
    return write(folder, {**PROJECT, **files, **own})


def said(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "shop.db", isolation_level=None)) as link:
        for statement in statements:
            link.execute(statement)


# ---------------------------------------------------------------------------------- broken views


def test_a_view_that_cannot_be_read_stops_nothing(tmp_path: Path) -> None:
    project(tmp_path, v="select * from outside\n")
    said(tmp_path, "create table outside as select 7 as seven")
    said(tmp_path, "create view a_broken as select * from gone")
    ok(tmp_path, "build")
    assert "7" in ok(tmp_path, "show", "v")
    for command in ("plan", "ls", "status", "debug"):
        ok(tmp_path, command)
    target = Target("dev", "sqlite", options={"path": str(tmp_path / "shop.db")})
    with closing(open_engine(target, ".", read_only=True)) as engine:
        found = engine.all_columns()
        assert found[Relation("outside", "main")] == (("seven", ""),)
        assert {each.name for each in found} == {"base", "outside", "v"}
        assert Relation("a_broken", "main") in engine.relations()


def test_a_view_is_read_before_it_is_published(tmp_path: Path) -> None:
    project(tmp_path, v="select nocol from base\n")
    failed = run(tmp_path, "build")
    assert failed.exit_code == 1
    assert "models/v.sql:1:8" in failed.output
    assert "no such column: nocol" in failed.output
    with closing(sqlite3.connect(tmp_path / "shop.db")) as link:
        assert link.execute("select name from sqlite_master where name = 'v'").fetchall() == []


def test_a_broken_view_of_that_name_is_replaced(tmp_path: Path) -> None:
    project(tmp_path, v="select x from base\n")
    ok(tmp_path, "build", "--select", "base")
    said(tmp_path, "create view v as select nocol from base")
    ok(tmp_path, "build")
    assert "x" in ok(tmp_path, "show", "v")
    said(tmp_path, "drop view v", "create view v as select nocol from base")
    (tmp_path / "models" / "v.sql").write_text(
        "/*\n---\nmaterialized: table\n---\n*/\nselect x from base\n"
    )
    ok(tmp_path, "build")


def test_a_view_that_reads_another_schema_is_not_published(tmp_path: Path) -> None:
    """The text has a meaning where it stands alone, and none in the file of the view's schema."""
    model = "/*\n---\nschema: raw\n---\n*/\nselect x from outside\n"
    project(tmp_path, v=model)
    ok(tmp_path, "build", "--select", "base")
    said(tmp_path, "create table outside as select 1 as x")
    failed = run(tmp_path, "build")
    assert failed.exit_code == 1, failed.output
