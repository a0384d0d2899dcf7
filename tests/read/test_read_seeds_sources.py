"""Seeds and sources: columns, types, versions, file sources declared and found."""

from __future__ import annotations

import os

import pytest
from read.folders import asset, only, places, read, write

from sqlpipes.core.asset import Kind, Materialized, SeedBody, SourceBody
from sqlpipes.core.errors import Severity
from sqlpipes.core.freshness import Freshness
from sqlpipes.core.sql import Relation
from sqlpipes.read.files import files_token

SEEDS = """
seeds:
  - name: people
    description: who
    config: {schema: ref, column_types: {id: bigint}, delimiter: ";"}
    nulls: [NA, ""]
    columns:
      - {name: Name, type: varchar, description: full name, tests: [not_null]}
"""


def test_a_seed_has_the_columns_of_its_header(tmp_path):
    files = {"seeds/people.csv": 'id;name;"a;b"\n1;x;y\n', "seeds/s.yml": SEEDS}
    reading = read(tmp_path, files)
    assert reading.problems == ()
    found = asset(reading, "people")
    assert (found.kind, found.relation) == (Kind.SEED, Relation("people", "ref"))
    assert [(c.name, c.type, c.description) for c in found.columns] == [
        ("id", "bigint", ""),
        ("name", "varchar", "full name"),
        ("a;b", None, ""),
    ]
    body = found.body
    assert isinstance(body, SeedBody)
    assert body.path == str(tmp_path / "seeds" / "people.csv")
    assert (body.format, body.delimiter) == ("csv", ";")
    assert dict(body.types) == {"Name": "varchar", "id": "bigint"}
    assert [c.name for c in found.checks] == ["people.not_null.Name"]


def test_plain_names_of_a_header_are_in_small_letters_where_the_project_speaks_postgres(tmp_path):
    files = {"seeds/s.csv": "Id,Amount,Two Words\n1,2,x\n", "sqlpipes.yml": "dialect: postgres\n"}
    names = [column.name for column in asset(read(tmp_path, files), "s").columns]
    assert names == ["id", "amount", "Two Words"]


def test_formats_of_seeds(tmp_path):
    files = {
        "seeds/a.csv": "x\n1\n",
        "seeds/sub/b.tsv": "x\ty\n1\t2\n",
        "seeds/c.jsonl": '{"x": 1}\n',
        "seeds/d.parquet": b"PAR1",
        "seeds/notes.txt": "no seed",
    }
    reading = read(tmp_path, files)
    assert reading.problems == ()
    formats = {found.name: found.body.format for found in reading.assets}
    assert formats == {"a": "csv", "b": "csv", "c": "json", "d": "parquet"}
    assert [column.name for column in asset(reading, "b").columns] == ["x", "y"]
    assert asset(reading, "b").fqn == (tmp_path.name, "sub", "b")


def test_content_and_types_move_the_version_and_time_does_not(tmp_path):
    def version() -> list[str]:
        return asset(read(tmp_path), "a").version.split(".")

    write(tmp_path, {"seeds/a.csv": "x\n1\n"})
    first = version()
    os.utime(tmp_path / "seeds" / "a.csv", (1, 1))
    assert version() == first
    write(tmp_path, {"seeds/s.yml": "seeds: [{name: a, columns: [{name: x, type: int}]}]"})
    typed = version()
    assert (typed[0] == first[0], typed[1] == first[1]) == (True, False)
    write(tmp_path, {"seeds/a.csv": "x\n2\n"})
    assert (version()[0] == first[0], version()[1] == typed[1]) == (False, True)


def test_types_of_columns_that_are_not_there(tmp_path):
    files = {
        "seeds/a.csv": "name,age\n",
        "seeds/s.yml": "seeds:\n  - name: a\n    columns: [{name: nmae, type: int}]\n"
        "    column_types: {agee: int}\n",
    }
    reading = read(tmp_path, files)
    assert places(reading) == ["seeds/s.yml:3:15 SED002", "seeds/s.yml:4:26 SED002"]
    assert reading.problems[0].hint == "did you mean 'name'?"


def test_headers_with_faults(tmp_path):
    reading = read(tmp_path, {"seeds/a.csv": "", "seeds/b.csv": "x,X\n1,2\n"})
    assert places(reading) == ["seeds/a.csv:1:1 SED001", "seeds/b.csv:1:1 SED001"]


def test_a_seed_in_another_encoding(tmp_path):
    assert places(read(tmp_path, {"seeds/a.csv": b"n\xe4me\n1\n"})) == ["seeds/a.csv:1:2 FIL002"]


def test_a_seed_with_a_byte_order_mark(tmp_path):
    reading = read(tmp_path, {"seeds/a.csv": "\ufeffx,y\n1,2\n"})
    assert [column.name for column in asset(reading, "a").columns] == ["x", "y"]


SOURCES = """
sources:
  - name: shop
    schema: raw
    database: lake
    owner: shop@acme.com
    tags: [a]
    loaded_at_field: loaded_at
    freshness: {warn_after: {count: 12, period: hour}}
    description: not of the tables
    tables:
      - name: orders
        identifier: ORD
        description: every order
        tags: b
        changes: max(updated_at)
        columns: [{name: id, data_type: int, tests: [unique]}]
        freshness: {warn_after: {count: 1, period: day}, error_after: {count: 2, period: day}}
      - customers
      - {name: off, enabled: false}
  - name: plain
    tables: [{name: t, changes: ALWAYS}]
"""


def test_sources_of_dbt(tmp_path):
    reading = read(tmp_path, {"models/s.yml": SOURCES})
    assert reading.problems == ()
    assert [found.name for found in reading.assets] == ["shop.orders", "shop.customers", "plain.t"]
    orders = asset(reading, "shop.orders")
    assert (orders.kind, orders.materialized) == (Kind.SOURCE, Materialized.EXTERNAL)
    assert orders.relation == Relation("ORD", "raw", "lake")
    aged = Freshness(86400, 172800, "loaded_at")
    assert orders.body == SourceBody(changes="max(updated_at)", freshness=aged)
    assert (orders.owners, orders.tags) == (("shop@acme.com",), ("a", "b"))
    assert orders.description == "every order"
    assert str(orders.at) == "models/s.yml:12:15"
    assert orders.fqn == (tmp_path.name, "shop", "orders")
    assert [(c.name, c.severity, c.arguments.get("max_age_s")) for c in orders.checks] == [
        ("shop.orders.unique.id", Severity.ERROR, None),
    ]
    customers = asset(reading, "shop.customers")
    assert (customers.description, customers.tags) == ("", ("a",))
    assert (customers.body.freshness.warn_s, customers.checks) == (43200, ())
    assert asset(reading, "plain.t").relation == Relation("t", "plain")
    assert asset(reading, "plain.t").body == SourceBody(changes="always")


def test_wrong_sources(tmp_path):
    text = """
sources:
  - name: a
  - name: b
    tables: [{nam: x}]
  - name: c
    tables: [{name: x, changes: sometimes}, {name: y, colums: []}]
  - name: d
    tables: [{name: x, freshness: {warn_after: {count: 1, period: day}}}]
"""
    assert places(read(tmp_path, {"models/s.yml": text})) == [
        "models/s.yml:3:5 SRC001",
        "models/s.yml:5:15 CFG002",
        "models/s.yml:7:33 CFG002",
        "models/s.yml:7:55 CFG001",
        "models/s.yml:9:24 SRC004",
    ]


def test_files_that_a_query_reads_are_sources(tmp_path):
    query = "select * from read_parquet('raw/*.parquet')\nunion all from 'raw/x.csv'"
    reading = read(tmp_path, {"models/a.sql": query, "models/b.sql": "from 'raw/./x.csv'"})
    assert reading.problems == ()
    found = asset(reading, "raw/*.parquet")
    assert found.body == SourceBody((str(tmp_path / "raw/*.parquet"),), implicit=True)
    assert (found.relation, found.materialized) == (None, Materialized.EXTERNAL)
    needed = asset(reading, "a").depends_on
    assert [d.name for d in needed] == ["raw/*.parquet", "raw/x.csv"]
    assert [d.at.line for d in needed if d.at] == [1, 2]
    assert [d.name for d in asset(reading, "b").depends_on] == ["raw/x.csv"]
    assert len(reading.assets) == 4


def test_a_declared_source_of_the_same_files_is_used(tmp_path):
    files = {
        "models/a.sql": "select * from read_parquet('raw/*.parquet')",
        "models/s.yml": "sources: [{name: web, tables: [{name: visits, files: raw/*.parquet}]}]",
    }
    reading = read(tmp_path, files)
    assert [d.name for d in asset(reading, "a").depends_on] == ["web.visits"]
    assert [found.name for found in reading.assets] == ["a", "web.visits"]
    assert asset(reading, "web.visits").relation is None


def test_a_source_without_tables_may_be_files(tmp_path):
    files = {
        "models/a.sql": "from 's3://lake/x.parquet'",
        "models/s.yml": "sources: [{name: lake, files: s3://lake/x.parquet, description: all}]",
    }
    reading = read(tmp_path, files)
    assert [d.name for d in asset(reading, "a").depends_on] == ["lake"]
    assert asset(reading, "lake").description == "all"


def test_the_token_of_files_moves_when_they_do(tmp_path):
    pattern = str(tmp_path / "raw" / "*.csv")
    write(tmp_path, {"raw/a.csv": "1", "raw/b.txt": "x"})
    first = files_token([pattern])
    assert files_token([pattern]) == first
    write(tmp_path, {"raw/b.txt": "longer"})
    assert files_token([pattern]) == first
    write(tmp_path, {"raw/c.csv": "1"})
    second = files_token([pattern])
    assert second != first
    os.utime(tmp_path / "raw" / "a.csv", (5, 5))
    assert files_token([pattern]) not in (first, second)
    assert files_token([pattern, "s3://x/y.csv"]) is None


def test_yaml_about_what_does_not_exist(tmp_path):
    files = {
        "models/orders.sql": "select 1",
        "seeds/countries.csv": "x\n",
        "models/p.yml": "models:\n  - name: ordes\n  - name: countries\nseeds:\n  - name: cuntries\n",
    }
    reading = read(tmp_path, files)
    assert places(reading) == [
        "models/p.yml:2:11 CFG005",
        "models/p.yml:3:11 CFG005",
        "models/p.yml:5:11 CFG005",
    ]
    assert [problem.hint for problem in reading.problems] == [
        "did you mean 'orders'?",
        "move the entry to `seeds:`",
        "did you mean 'countries'?",
    ]


def test_sections_that_are_not_read_are_named(tmp_path):
    text = "version: 2\nexposures: [{name: x}]\nmodls: []\nselectors: [{name: s, definition: 'tag:x'}]\n"
    reading = read(tmp_path, {"models/p.yml": text})
    assert [(p.code, p.severity.value, str(p.at)) for p in reading.problems] == [
        ("CFG004", "warning", "models/p.yml:2:1"),
        ("CFG001", "error", "models/p.yml:3:1"),
    ]
    assert reading.selectors == {"s": {"name": "s", "definition": "tag:x"}}
    assert str(reading.selector_places["s"]) == "models/p.yml:4:13"


def test_selectors_at_the_root(tmp_path):
    files = {
        "selectors.yml": "selectors:\n  - {name: s, definition: a}\n  - {name: s, definition: b}\n"
    }
    reading = read(tmp_path, files)
    assert reading.selectors["s"] == {"name": "s", "definition": "a"}
    assert only(reading).code == "CFG003"


@pytest.mark.parametrize(
    ("text", "delimiter", "columns"),
    [
        ("a,b\n1,2\n", ",", ["a", "b"]),
        ("a;b\n1;2,5\n", ";", ["a", "b"]),
        ("a\tb\n1\t2\n", "\t", ["a", "b"]),
        ("a\n1\n", ",", ["a"]),
        ('"a;b",c\n1,2\n', ",", ["a;b", "c"]),
        (",b\n0,1\n", ",", ["column0", "b"]),
        ('a,"b\nc"\n1,"x\ny"\n', ",", ["a", "b\nc"]),
        ("a,b\r1,2\r3,4\r", ",", ["a", "b"]),
        ("a,b\n1,x\x0c\u2028y\n", ",", ["a", "b"]),
    ],
)
def test_the_header_says_what_parts_the_fields(tmp_path, text, delimiter, columns):
    reading = read(tmp_path, {"seeds/s.csv": text})
    assert reading.problems == ()
    assert asset(reading, "s").body.delimiter == delimiter
    assert [column.name for column in asset(reading, "s").columns] == columns


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("id,x\n1\n2,3,4\n", "seeds/s.csv:2:1"),
        ('id,x\n1,"a\nb"\n\n2,3,4', "seeds/s.csv:5:1"),
        ("id;x\n1;a;b\n", "seeds/s.csv:2:1"),
        ("id\n1,2\n", "seeds/s.csv:2:1"),
    ],
)
def test_a_line_that_does_not_fit_its_header(tmp_path, text, place):
    problem = only(read(tmp_path, {"seeds/s.csv": text}))
    assert (str(problem.at), problem.code) == (place, "SED003")


def test_other_ways_to_quote_are_left_to_the_engine(tmp_path):
    assert read(tmp_path, {"seeds/s.csv": "id,x\n1,'a,b'\n2,a\\,b\n"}).problems == ()


def test_a_delimiter_of_two_signs(tmp_path):
    files = {"seeds/s.csv": "a||b\n1||2\n", "seeds/s.yml": "seeds: [{name: s, delimiter: '||'}]"}
    assert [column.name for column in asset(read(tmp_path, files), "s").columns] == ["a", "b"]
