"""A SQLite that others write to as well: broken views, locks, and what a profile says of it."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from cli.projects import ok, run, write
from sqlalchemy import exc

from sqlpipes.core.config import Plain, Target
from sqlpipes.core.errors import EngineError, Location
from sqlpipes.core.sql import Relation
from sqlpipes.engines import open_engine
from sqlpipes.engines.generic.faults import opening_error
from sqlpipes.engines.generic.place import place_of

AT = Location("profiles.yml", 4, 7)

PROJECT = {
    "sqlpipes.yml": "name: shop\n",
    "profiles.yml": "shop: {outputs: {dev: {type: sqlite, path: shop.db}}}\n",
    "models/base.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect 1 as x\n",
}


def project(folder: Path, files: Mapping[str, str] = PROJECT, **more: str) -> Path:
    own = {f"models/{name}.sql": text for name, text in more.items()}
    return write(folder, {**PROJECT, **files, **own})


def placed(folder: Path, **options: Plain) -> Target:
    return Target("dev", "sqlite", options=options, places=dict.fromkeys(options, AT))


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


# --------------------------------------------------------------------------------- what holds it


@pytest.mark.parametrize("held", ["shop.db", "shop.raw.db"])
def test_a_file_that_another_program_holds_is_tried_again(tmp_path: Path, held: str) -> None:
    target = placed(tmp_path, path=str(tmp_path / "shop.db"), connect_args={"timeout": 0.05})
    for name in ("shop.db", "shop.raw.db"):
        with closing(sqlite3.connect(tmp_path / name)) as link:
            link.execute("create table x (a)")
    with closing(sqlite3.connect(tmp_path / held, isolation_level=None)) as other:
        other.execute("begin exclusive")
        with pytest.raises(EngineError) as caught:
            open_engine(target, ".", pause=lambda _: None)
        assert caught.value.problems[0].code == "ENG006"
        assert "settings" not in str(caught.value)
        assert caught.value.problems[0].at == AT
        waited: list[str] = []
        let_go = partial(other.execute, "commit")
        open_engine(target, ".", on_wait=waited.append, pause=lambda _: let_go() and None).close()
    assert "database is locked; again in" in waited[0]


def test_what_is_no_database_is_told_at_its_path(tmp_path: Path) -> None:
    (tmp_path / "shop.db").write_text("no database, but a text of some length\n" * 99)
    with pytest.raises(EngineError, match=r"ENG002 cannot connect to .*not a database") as caught:
        open_engine(placed(tmp_path, path=str(tmp_path / "shop.db")), ".")
    assert caught.value.problems[0].at == AT


# ----------------------------------------------------------------------------- who is not reached


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "ENG061"),
        (socket.gaierror(-2, "Name or service not known"), "ENG060"),
        (TimeoutError("timed out"), "ENG062"),
        (RuntimeError('(2003, "Can\'t connect (Connection refused)")'), "ENG061"),
        (RuntimeError("could not translate host name"), "ENG060"),
        (RuntimeError("no idea"), "ENG002"),
    ],
)
def test_why_there_is_no_connection(tmp_path: Path, error: Exception, code: str) -> None:
    target = placed(tmp_path, url="sqlite:///shop.db")
    place = place_of(target, ".")
    try:
        raise exc.OperationalError("connect", None, RuntimeError(str(error))) from error
    except exc.OperationalError as raised:
        problem = opening_error(raised, place, target).problems[0]
    assert (problem.code, problem.at) == (code, AT)


def test_an_unknown_type_or_dialect_is_told_at_its_place(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"profiles.yml:4:7.*ENG001.*'sqlit'") as caught:
        open_engine(Target("dev", "sqlit", places={"type": AT}), ".")
    assert caught.value.problems[0].hint == "did you mean 'sqlite'?"
    target = Target("dev", "sqlalchemy", options={"url": "mysq://me@h/s"}, places={"url": AT})
    with pytest.raises(EngineError, match="has no dialect 'mysq'") as caught:
        open_engine(target, ".")
    assert caught.value.problems[0].at == AT
    assert caught.value.problems[0].hint == "did you mean 'mysql'?"


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    profile = "shop:\n  outputs:\n    dev: {type: sqlite, path: dta/shop.db}\n"
    root = project(tmp_path, {"profiles.yml": profile})
    for command in ("debug", "build"):
        result = run(root, command)
        assert result.exit_code != 0
        said = result.output
        assert "ENG002" in said
        assert "profiles.yml:3:31" in said
        assert "there is no folder" in said
        assert "did you mean 'data'?" in said
    assert not (tmp_path / "dta").exists()
    (tmp_path / "dta").mkdir()
    ok(root, "build")


def test_a_database_of_an_asset_is_refused_with_the_word_for_it(tmp_path: Path) -> None:
    text = "/*\n---\nmaterialized: table\ndatabase: other\n---\n*/\nselect 1 as x\n"
    root = project(tmp_path, other=text)
    result = run(root, "build")
    assert result.exit_code != 0
    said = result.output
    assert "models/other.sql:4:11: ENG024 SQLite has no databases" in said
    assert "say `schema: other`" in said
    ok(project(tmp_path, other=text.replace("database:", "schema:")), "build")
