"""Lakes for real: what is opened, what is refused, and that builds which meet try again."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from servers.lake import demand_lake, lake_target

from sqlpipes.core.config import Target
from sqlpipes.core.engine import Connection, Engine
from sqlpipes.core.errors import EngineError
from sqlpipes.engines import exists, open_engine, stamp


@pytest.fixture(autouse=True)
def _lake() -> None:
    demand_lake()


def say(engine: Engine, *statements: str) -> list[tuple[Any, ...]]:
    with closing(engine.connect()) as connection:
        found = [connection.fetch(sql).rows for sql in statements]
    return list(found[-1])


@pytest.mark.parametrize("catalog", ["meta/shop.ducklake", "sqlite:meta/shop.sqlite"])
def test_a_catalog_in_a_file_is_made_with_its_folder_and_found_again(
    tmp_path: Path, catalog: str
) -> None:
    target = Target("dev", "ducklake", options={"catalog": catalog, "data_path": "files"})
    root = str(tmp_path)
    assert not exists(target, root)
    with closing(open_engine(target, root, read_only=True)) as nothing:
        assert nothing.relations() == {}
    assert not exists(target, root)
    with closing(open_engine(target, root)) as engine:
        say(engine, "create table t as select range as n from range(100)")
    before = stamp(target, root)
    assert before is not None
    assert list((tmp_path / "files").rglob("*.parquet"))
    with closing(open_engine(target, root, read_only=True)) as engine:
        assert [str(found) for found in engine.relations()] == ["main.t"]
        with pytest.raises(EngineError):
            say(engine, "create table u as select 1 as n")
    with closing(open_engine(target, root)) as engine:
        say(engine, "insert into t values (1)")
    assert stamp(target, root) != before


def test_who_only_looks_makes_no_lake_on_a_server(tmp_path: Path, postgres_url: str) -> None:
    target = lake_target(postgres_url, tmp_path / "lake")
    for _ in range(2):
        with closing(open_engine(target, ".", read_only=True)) as engine:
            assert engine.relations() == {}


def test_files_that_are_elsewhere_are_told(tmp_path: Path, postgres_url: str) -> None:
    target = lake_target(postgres_url, tmp_path / "lake")
    open_engine(target, ".").close()
    moved = replace(target, options={**target.options, "data_path": str(tmp_path / "other")})
    with pytest.raises(EngineError) as caught:
        open_engine(moved, ".")
    (problem,) = caught.value.problems
    assert problem.code == "ENG002"
    assert str(tmp_path / "lake") in str(problem.hint)


def test_a_password_is_in_no_message_and_in_no_statement(tmp_path: Path, postgres_url: str) -> None:
    address = postgres_url.replace(
        "postgresql+psycopg://postgres@", "postgresql://postgres:canary@"
    )
    target = lake_target(address, tmp_path / "lake")
    with closing(open_engine(target, ".")) as engine:
        said = say(engine, "select * from duckdb_databases()", "select * from duckdb_secrets()")
        assert "canary" not in str(said)
    with pytest.raises(EngineError) as caught:
        open_engine(lake_target(address + "_no", tmp_path / "lake"), ".")
    assert "canary" not in str(caught.value) + str(caught.value.__cause__)
    assert "does not exist" in str(caught.value)


def test_two_that_delete_from_one_table_meet_and_two_that_add_do_not(
    tmp_path: Path, postgres_url: str
) -> None:
    def both(one: Connection, two: Connection, words: str) -> None:
        with one.transaction():
            one.execute(words.format(100))
            one.execute("insert into t select 300 from range(20)")
            two.execute(words.format(200))

    with closing(open_engine(lake_target(postgres_url, tmp_path / "lake"), ".")) as engine:
        say(engine, "create table t as select range as n from range(40)")
        with closing(engine.connect()) as one, closing(engine.connect()) as two:
            both(one, two, "insert into t select {} from range(20)")
            with pytest.raises(EngineError) as caught:
                both(one, two, "delete from t where n = {}")
            assert caught.value.problems[0].code == "ENG006"
            assert one.fetch("select count(*) from t where n = 100").rows == ((20,),)
            assert one.fetch("select count(*) from t where n = 200").rows == ((0,),)


def test_a_cut_connection_is_told_as_one_and_the_next_statement_goes_on(
    tmp_path: Path, postgres_url: str
) -> None:
    import psycopg

    cut = (
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
    )
    plain = postgres_url.replace("postgresql+psycopg://", "postgresql://")

    def cut_in_the_middle(connection: Connection) -> None:
        with connection.transaction():
            connection.execute("insert into t values (1)")
            with psycopg.connect(plain) as other:
                other.execute(f"{cut} and pid <> pg_backend_pid()")

    with closing(open_engine(lake_target(postgres_url, tmp_path / "lake"), ".")) as engine:
        say(engine, "create table t as select range as n from range(40)")
        with closing(engine.connect()) as connection:
            with pytest.raises(EngineError) as caught:
                cut_in_the_middle(connection)
            assert caught.value.problems[0].code == "ENG011"
            assert connection.fetch("select count(*) from t").rows == ((40,),)
