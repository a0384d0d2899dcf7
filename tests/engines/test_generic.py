"""Any database through SQLAlchemy: what a profile says, what is asked of it, and what is told of faults."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from sqlpipes.core.config import Plain, Target
from sqlpipes.core.engine import Connection, Engine, Form, RelationType
from sqlpipes.core.errors import EngineError, ProjectError
from sqlpipes.core.sql import Relation
from sqlpipes.engines import blank, open_engine
from sqlpipes.engines.generic.dialects import KNOWN, TYPES, dialect_of, read_as
from sqlpipes.engines.generic.place import place_of
from sqlpipes.engines.generic.probes import ASKED, Answers, ask, demand_needed
from sqlpipes.read.profiles import usual_dialect
from sqlpipes.testing.engine_kit import CASES, Bench, run_case

X = Relation("x", "main")


def sqlite_at(folder: Path, **options: Plain) -> Target:
    return Target("dev", "sqlite", options={"path": str(folder / "shop.db"), **options})


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with closing(open_engine(sqlite_at(tmp_path), ".")) as opened:
        yield opened


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    with closing(engine.connect()) as found:
        yield found


def refused(target: Target) -> str:
    with pytest.raises((EngineError, ProjectError)) as caught:
        open_engine(target, ".").close()
    return "\n".join(f"{problem} ({problem.hint})" for problem in caught.value.problems)


# ------------------------------------------------------------------------------------- the suite


@pytest.mark.parametrize("case", CASES)
def test_sqlite_holds_what_engines_must(case: str, tmp_path: Path) -> None:
    run_case(case, {"type": "sqlite", "path": "kit.db"}, tmp_path)


@pytest.mark.parametrize("case", ["slices", "merges", "checks block"])
def test_the_kit_holds_on_duckdb_too(case: str, tmp_path: Path) -> None:
    run_case(case, {"type": "duckdb", "path": "kit.duckdb"}, tmp_path)


def test_the_kit_tells_what_does_not_hold(tmp_path: Path) -> None:
    output = {"type": "sqlite", "path": "kit.db", "capabilities": {"transactional_ddl": False}}
    with pytest.raises(AssertionError, match="BLD009"):
        run_case("slices", output, tmp_path)


def test_sqlpipes_says_of_itself_that_it_makes_no_indexes_there(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {})
    bench.write("sqlpipes.yml", "name: kit\n")
    bench.write("profiles.yml", "kit: {outputs: {dev: {type: sqlite, path: kit.db}}}\n")
    bench.model("a", "select 1 as x", materialized="table", indexes=[{"columns": ["x"]}])
    with pytest.raises(ProjectError, match=r"ENG041 sqlpipes makes no indexes on sqlite"):
        bench.build()


# ------------------------------------------------------------------------------------- profiles


URLS = {
    "sqlite:///shop.db": "sqlite",
    "mysql+pymysql://me:pw@db/shop": "mysql",
    "mariadb://me:pw@db:3307/shop": "mysql",
    "snowflake://me:pw@account/shop/PUBLIC?warehouse=wh": "snowflake",
    "bigquery://project/dataset": "bigquery",
    "databricks://token:dapi@host?http_path=/sql/1.0/x&catalog=main": "databricks",
    "redshift+redshift_connector://me:pw@cluster:5439/dw": "redshift",
    "trino://me@host:8080/hive/shop": "trino",
    "clickhousedb://me:pw@host:8123/shop": "clickhouse",
    "mssql+pyodbc://me:pw@host/shop?driver=ODBC+Driver+18+for+SQL+Server": "tsql",
    "oracle+oracledb://me:pw@host:1521/?service_name=shop": "oracle",
    "awsathena+rest://key:secret@athena.eu-west-1.amazonaws.com:443/shop": "athena",
}


@pytest.mark.parametrize(("url", "dialect"), URLS.items())
def test_a_url_is_read_in_the_dialect_of_its_database(url: str, dialect: str) -> None:
    target = Target("prod", "sqlalchemy", "shop", options={"url": url})
    assert place_of(target, ".").dialect == dialect
    assert usual_dialect(target) == dialect


@pytest.mark.parametrize("name", sorted(set(KNOWN) - {"postgresql"}))
def test_a_missing_driver_is_told_with_its_line_for_pip(name: str) -> None:
    known = KNOWN[name]
    if not known.modules:
        pytest.skip("it needs no driver")
    from importlib.util import find_spec

    if all(find_spec(module.partition(".")[0]) for module in known.modules):
        pytest.skip("its driver is installed here")
    said = refused(Target("prod", name, options={"host": "db", "database": "shop"}))
    assert "ENG001 the target 'prod' needs " in said
    assert f"pip install {known.pip}" in said


def test_an_unknown_dialect_and_a_named_driver_that_is_missing() -> None:
    said = refused(Target("prod", "sqlalchemy", options={"url": "dbase://me:pw12@host/shop"}))
    assert "ENG001 SQLAlchemy has no dialect 'dbase'" in said
    assert "pw12" not in said
    said = refused(Target("prod", "sqlalchemy", options={"url": "mysql+asyncmy://me:pw12@h/s"}))
    assert "ENG001" in said
    assert "pip install asyncmy" in said


@pytest.mark.parametrize(
    ("engine", "options", "said"),
    [
        ("sqlalchemy", {}, "needs a url"),
        ("sqlite", {}, "a target of type sqlite needs a path"),
        ("sqlalchemy", {"url": "nonsense"}, "'url' is no URL of a database"),
        ("sqlite", {"url": "mysql://h/s"}, "'url' is of 'mysql', and the type is sqlite"),
        ("sqlite", {"url": "sqlite:///a.db", "path": "b.db"}, "'url' already says what 'path' is"),
        ("sqlite", {"pth": "a.db"}, "did you mean 'path'?"),
        ("sqlite", {"path": 5}, "'path' must be a text"),
        ("sqlite", {"path": "a.db", "password": "x"}, "asks for no 'password'"),
        ("sqlite", {"path": "a.db", "dialect": "sqlit"}, "did you mean 'sqlite'?"),
        ("mysql", {"host": "h", "port": "x"}, "'port' must be a whole number"),
        ("sqlite", {"connect_args": "x"}, "'connect_args' must be names with their values"),
        ("sqlite", {"path": "a.db", "capabilities": {"merg": True}}, "did you mean 'merge'?"),
        ("sqlite", {"path": "a.db", "capabilities": {"merge": "yes"}}, "must be true or false"),
    ],
)
def test_what_an_output_says_wrongly(engine: str, options: dict[str, Plain], said: str) -> None:
    if engine == "mysql":
        with pytest.raises(ProjectError, match=said):
            place_of(Target("dev", engine, options=options), ".")
        return
    assert said in refused(Target("dev", engine, options=options))


def test_parts_make_an_address_and_secrets_are_masked() -> None:
    options: dict[str, Plain] = {"host": "db", "user": "me", "password": "p@ss", "database": "shop"}
    place = place_of(Target("dev", "mysql", options=options), ".")
    assert place.url.render_as_string(hide_password=False) == (
        "mysql+pymysql://me:p%40ss@db:3306/shop"
    )
    assert place.name == "shop on db:3306"
    assert "p@ss" not in repr(place)
    assert place.masked("no p@ss, p%40ss") == "no ..., ..."


@pytest.mark.parametrize("name", [name for name in TYPES if name in KNOWN])
def test_statements_can_be_written_without_a_server(name: str, tmp_path: Path) -> None:
    """No driver is imported for it, and names are quoted."""
    host: dict[str, Plain] = {} if name == "sqlite" else {"host": "db"}
    target = Target("dev", name, "shop", options={**host, "database": "shop"})
    engine = blank(target, str(tmp_path))
    assert engine.relations() == {}
    quoted = engine.quote(Relation("orders", "shop"))
    upper = engine.dialect in ("snowflake", "oracle")
    marked = '"SHOP"."ORDERS"' if upper else '"shop"."orders"'
    if engine.dialect in ("mysql", "bigquery", "databricks"):
        marked = marked.replace('"', "`")
    assert quoted == marked
    assert engine.dialect == read_as(name)


@pytest.mark.parametrize("name", ["sqlite", "redshift", "cockroachdb", "snowflake", "trino"])
def test_what_a_build_would_say_can_be_read_in_the_dialect(name: str, tmp_path: Path) -> None:
    """Written offline, as `plan --sql` shows it; where names stand in other quotes is not tried."""
    import sqlglot
    from run.building import daily, days, graph_of, model, step_of

    from sqlpipes.run.materialize import step_sql
    from sqlpipes.run.warehouse import warehouse_of

    options: dict[str, Plain] = {"url": f"{name}://db/shop", "probe": False}
    options["capabilities"] = {"transactional_ddl": True}
    engine = blank(Target("dev", name, "shop", options=options), str(tmp_path))
    graph = graph_of(
        model("plain", "select 1 as x", schema="shop"),
        model("daily", "select x as d from plain", schema="shop", partition=daily()),
        model("kept", "select x from plain", "incremental", schema="shop", unique_key=["x"]),
    )
    seen = warehouse_of(engine, "shop")
    for asset, slices in (("plain", None), ("daily", days(0, 2)), ("kept", None)):
        for part in step_sql(step_of(graph, asset, slices), graph, seen):
            for statement in part.statements:
                parsed = sqlglot.parse(statement.sql, read=read_as(name))
                assert all(not isinstance(each, sqlglot.exp.Command) for each in parsed)


# --------------------------------------------------------------------------------------- probes


def test_what_sqlite_can_is_asked_of_it(engine: Any) -> None:
    assert engine.answers.found == {
        "transactional_ddl": True,
        "limit": True,
        "create_table_as": True,
        "create_or_replace_table": False,
        "temporary_tables": True,
        "replaces_views": False,
        "renames": True,
        "merge": False,
    }
    assert engine.facts()[0].startswith(sqlite3.sqlite_version)


def test_a_driver_that_commits_before_ddl_is_found_out(tmp_path: Path) -> None:
    """Python's own handling of transactions begins none before DDL: a rollback leaves the table."""
    path = tmp_path / "x.db"
    with closing(create_engine(f"sqlite:///{path}").connect()) as link:
        found = ask(link, "", {})
    assert not found.found["transactional_ddl"]
    assert found.found["create_table_as"]
    with closing(sqlite3.connect(path)) as left:
        assert left.execute("select name from sqlite_master").fetchall() == []


def test_what_is_said_is_not_asked(tmp_path: Path) -> None:
    target = sqlite_at(tmp_path, capabilities={"renames": False})
    with closing(open_engine(target, ".")) as engine:
        assert not engine.can.renames


def test_a_database_that_lacks_what_every_build_says_is_refused() -> None:
    lacking = Answers({**dict.fromkeys(ASKED, True), "limit": False})
    with pytest.raises(EngineError, match="ENG050 shop lacks what a build needs: limit"):
        demand_needed(lacking, "shop")


def test_debug_prints_what_was_found_out(tmp_path: Path) -> None:
    from cli.projects import ok

    (tmp_path / "sqlpipes.yml").write_text("name: shop\n")
    said = "shop: {outputs: {dev: {type: sqlite, path: shop.db}}}\n"
    (tmp_path / "profiles.yml").write_text(said)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "a.sql").write_text("select 1 as x\n")
    ok(tmp_path, "build")
    told = ok(tmp_path, "debug")
    assert "asked: transactional_ddl, limit, create_table_as" in told
    assert "without create_or_replace_table" in told


# --------------------------------------------------------------------------------------- SQLite


def test_a_schema_is_a_file_beside_the_first_one(tmp_path: Path) -> None:
    with closing(open_engine(sqlite_at(tmp_path), ".")) as engine:
        engine.create_schemas(["raw", "main", 'we"ird/name'])
        with closing(engine.connect()) as connection:
            connection.execute("create table raw.orders as select 1 as id")
    assert (tmp_path / "shop.raw.db").exists()
    with closing(open_engine(sqlite_at(tmp_path), ".")) as again:
        assert again.relations() == {Relation("orders", "raw"): RelationType.TABLE}
        assert again.all_columns() == {Relation("orders", "raw"): (("id", ""),)}
        assert set(again._files) == {"raw", 'we"ird/name'}  # type: ignore[attr-defined]


def test_a_column_in_double_quotes_that_is_none_is_no_text(connection: Connection) -> None:
    connection.execute("create table x as select 1 as a")
    assert connection.fetch('select "a", \'"b"\' from x').rows == ((1, '"b"'),)
    with pytest.raises(EngineError, match="ENG004 no such column: nonsense"):
        connection.fetch('select count(*) from x where "nonsense" is null')


def test_rows_come_in_and_go_out_as_they_are(connection: Connection) -> None:
    rows = [
        {"n": 2**40, "f": 0.1, "s": "a'%s:x\n", "b": b"\x00", "t": True, "d": Decimal("1.25")},
        dict.fromkeys(["n", "f", "s", "b", "t", "d"]),
    ]
    assert connection.load(X, rows) == 2
    (first, _) = connection.fetch("select n, f, s, b, t, d from x").rows
    assert first == (2**40, 0.1, "a'%s:x\n", b"\x00", 1, 1.25)
    back = connection.frame(X, Form.ROWS)
    assert back[0]["s"] == "a'%s:x\n"
    assert back[1] == dict.fromkeys(["n", "f", "s", "b", "t", "d"])
    assert connection.frame(X, Form.ARROW).num_rows == 2


def test_dates_that_were_declared_come_back_as_dates(connection: Connection) -> None:
    from datetime import date, datetime

    at = datetime(2024, 1, 2, 3, 4, 5)
    connection.load(X, [{"d": date(2024, 1, 1), "at": at}])
    assert connection.frame(X, Form.ROWS) == [{"d": date(2024, 1, 1), "at": at}]


def test_a_transaction_holds_ddl_as_well(connection: Connection) -> None:
    def fail() -> None:
        with connection.transaction():
            connection.execute("create table x as select 1 as a")
            connection.execute("select nonsense")

    with pytest.raises(EngineError):
        fail()
    assert connection.columns(X) is None


def test_the_first_rows_of_a_long_query_are_a_matter_of_them(connection: Connection) -> None:
    endless = "with recursive n(i) as (select 0 union all select i + 1 from n) select i from n"
    assert connection.fetch(endless, 3).rows == ((0,), (1,), (2,))
    assert connection.execute("create table x as select 1 as a union all select 2") == 2


def test_a_statement_is_interrupted_from_another_thread(connection: Connection) -> None:
    endless = "with recursive n(i) as (select 0 union all select i + 1 from n) select max(i) from n"
    over = threading.Event()

    def stop() -> None:
        while not over.wait(0.05):
            connection.interrupt()

    stopper = threading.Thread(target=stop)
    stopper.start()
    try:
        with pytest.raises(EngineError) as caught:
            connection.fetch(endless)
    finally:
        over.set()
        stopper.join()
    assert caught.value.problems[0].code == "ENG007"


def test_a_database_that_somebody_writes_to_is_a_conflict(tmp_path: Path) -> None:
    target = sqlite_at(tmp_path, connect_args={"timeout": 0.05})
    with closing(open_engine(target, ".")) as engine, closing(engine.connect()) as connection:
        connection.execute("create table x as select 1 as a")
        with closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as other:
            other.execute("begin immediate")
            with pytest.raises(EngineError) as caught, connection.transaction():
                pass
    assert caught.value.problems[0].code == "ENG006"


def test_tokens_move_with_the_rows(engine: Engine, connection: Connection) -> None:
    def token(changes: str) -> object:
        return connection.fetch(engine.token_sql(X, changes)).rows[0][0]

    connection.execute("create table x as select 1 as a, 'x' as \"{b}\" union all select null, ''")
    before = {changes: token(changes) for changes in ("count", "hash", "select max(a) from x")}
    connection.execute("update x set a = 2 where a = 1")
    after = {changes: token(changes) for changes in before}
    assert before["count"] == after["count"] == "2"
    assert before["hash"] != after["hash"]
    assert after["select max(a) from x"] == "2"


def test_a_hash_that_nobody_knows_is_refused_with_a_way_out(tmp_path: Path) -> None:
    from sqlpipes.engines.generic.engine import GenericEngine

    target = Target("dev", "sqlalchemy", options={"url": f"sqlite:///{tmp_path}/x.db"})
    opened = GenericEngine(target, place_of(target, "."), read_only=True, root=str(tmp_path))
    with closing(opened) as engine, pytest.raises(EngineError, match="ENG051") as caught:
        engine.token_sql(X, "hash")
    assert "changes: count" in str(caught.value.problems[0].hint)


def test_settings_are_said_and_a_refused_one_is_not_shown(tmp_path: Path) -> None:
    target = sqlite_at(tmp_path, settings=["pragma cache_size = 77"])
    with closing(open_engine(target, ".")) as engine, closing(engine.connect()) as connection:
        assert connection.fetch("pragma cache_size").rows == ((77,),)
    said = refused(sqlite_at(tmp_path, settings=["set hush = 'sesame'"]))
    assert "ENG009" in said
    assert "sesame" not in said


# ------------------------------------------------------------------------------------ 3rd parties


ENGINE = """
from sqlpipes.engines.generic import exists, stamp, is_shared, blank, place_of
from dataclasses import replace

def open_engine(target, root, *, read_only=False, wait_s=0):
    from sqlpipes.engines.generic.sqlite import SqliteEngine
    own = replace(target, engine="sqlite")
    return SqliteEngine(own, place_of(own, root), read_only=read_only, root=root)
"""


CORE = ("views and tables", "checks block", "slices", "faults")


def install(folder: Path, module: str, text: str, point: str) -> None:
    """A package as pip leaves it: its module, and what it tells of itself."""
    (folder / f"{module}.py").write_text(text)
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[sqlpipes.engines]\n{point}\n")


def in_python(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    import os

    paths = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    line = [sys.executable, "-c", code]
    env = {**os.environ, "PYTHONPATH": paths}
    return subprocess.run(line, capture_output=True, text=True, env=env, cwd=folder)


def test_a_package_of_ten_lines_is_an_engine(tmp_path: Path) -> None:
    install(tmp_path, "acme_engine", ENGINE, "acme = acme_engine")
    (tmp_path / "work").mkdir()
    code = (
        "from pathlib import Path\n"
        "from sqlpipes.testing.engine_kit import run_case\n"
        f"for i, case in enumerate({CORE}):\n"
        "    folder = Path('work') / str(i)\n"
        "    folder.mkdir()\n"
        "    run_case(case, {'type': 'acme', 'url': 'sqlite:///kit.db'}, folder.absolute())\n"
        "print('they hold')\n"
    )
    done = in_python(tmp_path, code)
    assert done.stdout == "they hold\n", done.stderr[-2000:]


PLAIN = """
from sqlpipes.engines.generic import exists, stamp, is_shared, blank, place_of

def open_engine(target, root, *, read_only=False, wait_s=0):
    from sqlpipes.core.engine import Capabilities
    from sqlpipes.engines.generic import GenericEngine, Speech
    can = Capabilities(replaces_views=False{})
    return GenericEngine(target, place_of(target, root), speech=Speech(can, begin="begin"), root=root)
"""
TIMES = """, date="'{}'", timestamp="'{}'", times=("TEXT",), text="text" """
TRY = """
from pathlib import Path
from sqlpipes.testing.engine_kit import run_case
for case in {}:
    folder = Path("work", case)
    folder.mkdir(parents=True)
    try:
        run_case(case, {{"type": "acme", "url": "sqlite:///kit.db"}}, folder.absolute())
        print("holds")
    except AssertionError as error:
        print(case, error)
"""


def test_the_kit_says_which_words_an_engine_lacks(tmp_path: Path) -> None:
    install(tmp_path, "acme_engine", PLAIN.replace("{}", ""), "acme = acme_engine")
    done = in_python(tmp_path, TRY.format(("slices", "snapshots")))
    said = done.stdout.splitlines()
    assert [line.split()[0] for line in said] == ["slices", "snapshots"], done.stderr[-2000:]
    for line in said:
        assert "it does not read date '2024-01-01': near" in line
        assert """give its Speech Capabilities(date="'{}'")""" in line


@pytest.mark.long
def test_an_engine_with_those_words_holds(tmp_path: Path) -> None:
    install(tmp_path, "acme_engine", PLAIN.replace("{}", TIMES, 1), "acme = acme_engine")
    done = in_python(tmp_path, TRY.format(CASES))
    assert done.stdout.splitlines() == ["holds"] * len(CASES), done.stderr[-2000:]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import no_such_driver", "cannot be imported: ModuleNotFoundError: No module named"),
        ("raise RuntimeError('boom')", "cannot be imported: RuntimeError: boom"),
        ("def open_engine(): ...", "lacks blank, exists, stamp"),
    ],
)
def test_a_package_that_is_no_engine_is_named(tmp_path: Path, text: str, said: str) -> None:
    install(tmp_path, "bad_engine", text, "bad = bad_engine")
    code = (
        "from sqlpipes.core.config import Target\n"
        "from sqlpipes.core.errors import EngineError\n"
        "from sqlpipes.engines import open_engine\n"
        "try:\n    open_engine(Target('dev', 'bad'), '.')\n"
        "except EngineError as error:\n    print(error)\n"
    )
    done = in_python(tmp_path, code)
    assert "ENG054 the engine 'bad' of the package 'bad_engine' " in done.stdout, done.stderr
    assert said in done.stdout


def test_a_package_that_raises_is_named_and_its_secrets_are_not(tmp_path: Path) -> None:
    text = (
        "def open_engine(target, root, **how):\n"
        "    raise RuntimeError('no\\nway in with ' + target.options['password'])\n"
        "def exists(target, root):\n    raise KeyError('nothing')\n"
        "def blank(target, root): ...\ndef stamp(target, root): ...\n"
    )
    install(tmp_path, "bad_engine", text, "bad = bad_engine")
    code = (
        "from sqlpipes.core.config import Target\n"
        "from sqlpipes.core.errors import EngineError\n"
        "from sqlpipes.engines import exists, open_engine\n"
        "for ask in (open_engine, exists):\n"
        "    try:\n        ask(Target('dev', 'bad', options={'password': 'sesame'}), '.')\n"
        "    except EngineError as error:\n        print(error)\n"
    )
    done = in_python(tmp_path, code)
    head = "ENG054 the engine 'bad' of the package 'bad_engine' failed: "
    assert done.stdout.splitlines() == [
        f"{head}RuntimeError: no way in with ...",
        f"{head}KeyError: 'nothing'",
    ], done.stderr


def test_every_dialect_is_known_to_the_reader() -> None:
    from sqlpipes.core.sql.dialects import DIALECTS

    assert {known.reads for known in KNOWN.values()} <= DIALECTS
    assert all(dialect_of(name) for name in TYPES)


# ----------------------------------------------------------------------- Postgres, as any other


@pytest.mark.parametrize("case", CASES)
def test_postgres_holds_as_any_other_database(
    case: str, tmp_path: Path, postgres_database: str
) -> None:
    """It has an engine of its own; here it is the second real server that the generic one is tried on."""
    from servers.postgres import empty_postgres

    empty_postgres(postgres_database)
    output = {"type": "sqlalchemy", "url": postgres_database, "schema": "kit"}
    run_case(case, output, tmp_path)
