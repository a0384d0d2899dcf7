"""The component `table_copy`: a table of another database, whole, by a growing column, or by slices."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
from cli.projects import ok, run, write

SHOP = """
create table customers(id integer primary key, name text, born date, balance numeric(10,2), at timestamp);
insert into customers values
  (1, 'ann', '2000-01-31', 1.5, '2024-01-01 10:00:00'),
  (2, 'bob', null, 2.25, '2024-01-02 10:00:00.5');
create table blank(x integer, y text);
create table days(d date, n integer);
insert into days values ('2024-01-01', 1), ('2024-01-02', 2), ('2024-01-02', 3), ('2024-01-03', 4);
"""


@pytest.fixture
def shop(tmp_path):
    with closing(sqlite3.connect(tmp_path / "shop.db")) as connection, connection:
        connection.executescript(SHOP)
    connection.close()
    return tmp_path


def change(shop, *statements):
    with closing(sqlite3.connect(shop / "shop.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def copy(root, attributes, url="sqlite:///shop.db"):
    return write(
        root, {"models/c.yml": f'type: table_copy\nattributes: {{url: "{url}", {attributes}}}\n'}
    )


def rows(root, query):
    return [
        tuple(row.values()) for row in json.loads(ok(root, "show", "--inline", query, "--json"))
    ]


def test_a_table_comes_with_its_types(shop):
    copy(shop, "table: customers, asset: {checks: [{unique: id}]}")
    assert "1 check passed" in ok(shop, "build")
    query = 'select typeof(id), typeof(born), typeof(balance), typeof("at"), balance::varchar from customers'
    assert rows(shop, f"{query} order by id") == [
        ("BIGINT", "DATE", "DECIMAL(10,2)", "TIMESTAMP", "1.50"),
        ("BIGINT", "DATE", "DECIMAL(10,2)", "TIMESTAMP", "2.25"),
    ]


def test_a_table_without_rows_has_its_columns(shop):
    copy(shop, "table: blank")
    ok(shop, "build")
    assert rows(
        shop, "select column_name, data_type from duckdb_columns() where table_name = 'blank'"
    ) == [
        ("x", "BIGINT"),
        ("y", "VARCHAR"),
    ]


def test_it_is_copied_again_only_when_the_file_of_the_database_changed(shop):
    copy(shop, "table: customers")
    ok(shop, "build")
    assert "nothing to do" in ok(shop, "build")
    change(shop, "delete from customers where id = 1")
    ok(shop, "build")
    assert rows(shop, "select id from customers") == [(2,)]


def test_batches_are_all_of_the_rows(shop):
    change(shop, *(f"insert into blank values ({n}, 'text {n}')" for n in range(25)))
    copy(shop, "table: blank, batch_rows: 4, columns: [y]")
    ok(shop, "build")
    assert rows(shop, "select count(*), count(distinct y) from blank") == [(25, 25)]


def test_a_cursor_with_a_key_merges_what_is_new(shop):
    copy(shop, "table: customers, cursor: at, key: [id]")
    ok(shop, "build")
    change(
        shop,
        "update customers set name = 'BOB', at = '2024-01-05 00:00:00' where id = 2",
        "insert into customers values (3, 'cy', null, 0, '2024-01-02 10:00:00.5')",  # as the highest
        "update customers set name = 'unseen' where id = 1",  # below the cursor
    )
    ok(shop, "build")
    assert rows(shop, "select id, name from customers order by id") == [
        (1, "ann"),
        (2, "BOB"),
        (3, "cy"),
    ]
    ok(shop, "build", "--full-refresh")
    assert rows(shop, "select name from customers where id = 1") == [("unseen",)]


def test_a_cursor_without_a_key_appends(shop):
    copy(shop, "table: customers, cursor: id, columns: [id, name]")
    ok(shop, "build")
    change(
        shop,
        "insert into customers values (5, 'eve', null, 0, null)",
        "delete from customers where id = 1",
    )
    ok(shop, "build")
    assert rows(shop, "select id, name from customers order by id") == [
        (1, "ann"),
        (2, "bob"),
        (5, "eve"),
    ]


def test_slices_are_asked_for_by_their_column(shop):
    copy(
        shop,
        "table: days, partition: {by: day, column: d, start: 2024-01-01, end: 2024-01-04, batch: 1}",
    )
    ok(shop, "build", "--partition", "2024-01-02")
    assert rows(shop, "select n from days order by n") == [(2,), (3,)]
    ok(shop, "build")
    change(shop, "update days set n = n + 10")
    ok(shop, "build", "--partition", "2024-01-03", "--force")
    assert rows(shop, "select n from days order by n") == [(1,), (2,), (3,), (14,)]


def test_a_query_in_the_other_databases_words_needs_a_name(shop):
    copy(
        shop,
        'name: q, query: "select d, sum(n) as n from days group by d order by 1;", where: n > 1',
    )
    ok(shop, "build")
    assert rows(shop, "select n from q order by n") == [(4,), (5,)]


def test_a_condition_and_types_of_ones_own(shop):
    copy(shop, "table: customers, where: \"name <> 'ann'\", types: {at: varchar}, columns: [at]")
    ok(shop, "build")
    assert rows(shop, 'select "at" from customers') == [("2024-01-02 10:00:00.5",)]


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ("table: custmers", ["2:47: BLD005 'custmers': sqlite:///shop.db has no table 'custmers'"]),
        (
            "table: customers, columns: [nme]",
            ["2:68:", "'customers' has no column 'nme'", "hint: did you mean 'name'?"],
        ),
        ("table: customers, cursor: updated", ["2:66:", "'customers' has no column 'updated'"]),
        ("table: customers, key: [no], cursor: id", ["2:64:", "has no column 'no'"]),
        (
            "table: customers, types: {name: bigint}",
            ["2:72:", "is no bigint", "hint: say `types: {name: varchar}`"],
        ),
        ("table: customers, where: nonsense(", ["2:65: BLD005 'customers': "]),
        ("name: q, query: select nonsense", ["2:56: BLD005 'q': no such column: nonsense"]),
    ],
)
def test_what_the_database_refuses_is_told_at_its_attribute(shop, attributes, said):
    copy(shop, attributes)
    result = run(shop, "build")
    assert result.exit_code == 1
    assert not [each for each in said if each not in result.stdout], result.stdout
    assert not re.search("CopyFailed|rows\\(\\)|Error:", result.stdout)


def test_a_file_that_is_not_there_is_not_made(shop):
    copy(shop, "table: customers", url="sqlite:///nope.db")
    result = run(shop, "build")
    assert "models/c.yml:2:19: BLD005 'customers': there is no file nope.db" in result.stdout
    assert not (shop / "nope.db").exists()


@pytest.mark.parametrize("more", ["", ", key: [id]"])
def test_rows_that_a_cursor_would_pass_over_are_refused(shop, more):
    change(shop, "insert into customers values (3, 'cy', null, 0, null)")
    copy(shop, f"table: customers, cursor: at{more}")
    result = run(shop, "build")
    assert result.exit_code == 1
    assert "2:66: BLD005 'customers': a row of 'customers' has no 'at'" in result.stdout
    copy(shop, f"table: customers, cursor: at{more}, where: at is not null")
    ok(shop, "build")
    assert rows(shop, "select count(*) from customers") == [(2,)]
    change(shop, "insert into customers values (4, 'dee', null, 0, null)")
    copy(shop, f"table: customers, cursor: at{more}, where: id <> 3")
    assert "has no 'at'" in run(shop, "build").stdout  # a later one is as lost as an early one


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ("name: x", "1:7: CMP004 a table_copy needs either `table` or `query`"),
        ("query: select 1", "2:47: CMP004 the copy of a query needs a `name`"),
        ("table: a, key: [x]", "2:55: CMP004 `key` goes with `cursor`"),
        (
            "table: a, cursor: x, partition: {by: day, column: x, start: 2024-01-01}",
            "2:58: CMP004 either `cursor` or `partition` says what is new, not both",
        ),
        ("table: a, batch_rows: 0", "2:62: CMP004 a batch has at least one row"),
        ("table: a, types: {x: bigin}", "2:61: CMP004 'bigin' is no type that is known here"),
        ("table: a, columns: [x], cursor: y", "2:72: CMP004 'y' is not among the `columns`"),
    ],
)
def test_what_does_not_go_together_is_refused(shop, attributes, said):
    copy(shop, attributes)
    assert f"models/c.yml:{said}" in run(shop, "lint").stdout


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:pw@localhost/x", "a password stands in this file"),
        ("postgresql://localhost/x?user=me&password=hunter2", "a password stands in this file"),
        ("", "the URL is empty"),
        ("shop.db", "the URL of a database begins with its kind"),
    ],
)
def test_a_url_is_looked_at_before_it_is_used(shop, url, said):
    copy(shop, "table: a", url=url)
    assert f"models/c.yml:2:19: CMP004 {said}" in run(shop, "lint").stdout
    kept = [path for path in shop.rglob(".sqlpipes/**/*") if path.is_file()]
    assert not [path for path in kept if b"hunter2" in path.read_bytes()]


def test_postgres_is_copied_by_batches_and_its_secrets_are_nowhere(
    tmp_path, postgres_url, monkeypatch
):
    engine = sa.create_engine(postgres_url)
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "create table big(id bigint primary key, n numeric(12,3), at timestamptz,"
            " j jsonb, u uuid, t text[])"
        )
        connection.exec_driver_sql(
            "insert into big select i, i / 8.0, timestamptz '2024-01-01 00:00Z' + i * interval '1 minute',"
            " '{\"a\": 1}', gen_random_uuid(), array['x'] from generate_series(1, 2500) i"
        )
        connection.exec_driver_sql("create role clerk login password 'hunter2pw'")
        connection.exec_driver_sql("grant select on big to clerk")
    url = sa.make_url(postgres_url).set(username="clerk", password="hunter2pw")
    monkeypatch.setenv("SHOP_URL", url.render_as_string(hide_password=False))
    copy(
        tmp_path,
        "table: big, cursor: at, key: [id], batch_rows: 500",
        url="{{ env_var('SHOP_URL') }}",
    )
    ok(tmp_path, "build")
    assert rows(
        tmp_path, 'select count(*), max(n)::varchar, min(j), typeof(min("at")) from big'
    ) == [(2500, "312.500", '{"a": 1}', "TIMESTAMP WITH TIME ZONE")]
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "update big set n = -1, at = at + interval '5 days' where id = 7"
        )
    ok(tmp_path, "build")
    assert rows(tmp_path, "select count(*), min(n)::varchar from big") == [(2500, "-1.000")]
    with engine.begin() as connection:
        connection.exec_driver_sql("revoke select on big from clerk")
    result = run(tmp_path, "build")
    assert result.exit_code == 1
    assert "permission denied" in result.stdout + result.stderr
    said = [
        result.stdout,
        result.stderr,
        ok(tmp_path, "runs", "show"),
        ok(tmp_path, "ls", "--json"),
    ]
    assert not [text for text in said if "hunter2pw" in text]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if b"hunter2pw" in path.read_bytes()]
    with engine.begin() as connection:
        connection.exec_driver_sql("drop owned by clerk")
        connection.exec_driver_sql("drop role clerk")
    engine.dispose()
