"""Asset config: keys, layers, precedence, and what is said about wrong ones."""

from __future__ import annotations

import pytest
from read.folders import asset, model, only, places, read

from sqlpipes.core.asset import Dependency, Materialized
from sqlpipes.core.errors import Severity
from sqlpipes.core.partitions import Grain, Partitioning, axis_of
from sqlpipes.core.reads import Mapped, Reads
from sqlpipes.core.sql import Relation

EVERYTHING = """
description: Orders per day.
owner: finance@acme.com
tags: [finance, daily]
schema: marts
alias: orders_daily
partition: {by: day, column: order_date, start: 2024-01-01, end: 2024-02-01, lookback: 3, batch: 10}
columns:
  - {name: order_date, type: date, description: the day}
depends_on: [late]
inputs: {orders: as_of_build}
group: sales
meta: {cost: 1}
before: analyze
after: [select 1, "grant select on {{ this }} to x;"]
"""


def test_every_key_reaches_the_asset(tmp_path):
    reading = read(tmp_path, {"models/marts/daily.sql": model(EVERYTHING, "select * from orders")})
    assert reading.problems == ()
    found = asset(reading, "daily")
    assert found.relation == Relation("orders_daily", "marts")
    assert found.materialized is Materialized.TABLE
    assert found.partition == Partitioning("order_date", Grain.DAY, 19723, 19754, False, 3, 10)
    assert (found.description, found.owners) == ("Orders per day.", ("finance@acme.com",))
    assert found.tags == ("finance", "daily")
    assert (found.columns[0].name, found.columns[0].type) == ("order_date", "date")
    assert [dependency.name for dependency in found.depends_on] == ["late"]
    assert str(found.depends_on[0].at) == "models/marts/daily.sql:11:14"
    assert found.mappings == {"orders": Reads(Mapped.AS_OF_BUILD, declared=True)}
    assert (found.group, found.meta) == ("sales", {"cost": 1})
    assert found.before == ("analyze",)
    assert found.after == ("select 1", 'grant select on "marts"."orders_daily" to x')
    assert found.settings["materialized"] == "table"
    assert found.fqn == (tmp_path.name, "marts", "daily")


def test_a_bare_select_is_a_view(tmp_path):
    found = asset(read(tmp_path, {"models/a.sql": "select 1"}), "a")
    assert (found.materialized, found.relation) == (Materialized.VIEW, Relation("a", "main"))
    assert found.depends_on == ()


def test_file_over_yaml_over_deeper_over_upper_folder(tmp_path):
    files = {
        "sqlpipes.yml": """
            defaults:
              models: {schema: one, group: g1, owner: team:o1, materialized: table, tags: [a]}
              models/deep: {schema: two, group: g2, owner: team:o2, tags: b, meta: {k: 1}}
            """,
        "models/deep/p.yml": """
            models:
              - name: m
                config: {schema: three}
                owner: team:o3
                tags: [c, a]
                meta: {k: 2, j: 3}
            """,
        "models/deep/m.sql": model("schema: four\ntags: d"),
        "models/n.sql": "select 1",
    }
    reading = read(tmp_path, files)
    assert reading.problems == ()
    found = asset(reading, "m")
    assert found.relation == Relation("m", "four")
    assert (found.group, found.owners) == ("g2", ("team:o3",))
    assert found.materialized is Materialized.TABLE
    assert found.tags == ("a", "b", "c", "d")
    assert found.meta == {"k": 2, "j": 3}
    assert asset(reading, "n").relation == Relation("n", "one")


def test_schema_prefix_stands_before_declared_schemas_only(tmp_path):
    profile = "x: {outputs: {dev: {type: duckdb, schema: me, schema_prefix: me_}}}"
    files = {
        "profiles.yml": profile,
        "models/a.sql": "select 1",
        "models/b.sql": model("schema: marts"),
    }
    reading = read(tmp_path, files)
    assert asset(reading, "a").relation == Relation("a", "me")
    assert asset(reading, "b").relation == Relation("b", "me_marts")
    assert asset(reading, "b").settings["schema"] == "marts"


def test_an_unknown_key_names_the_nearest(tmp_path):
    reading = read(tmp_path, {"models/a.sql": model("group: me\nmaterialised: table")})
    problem = only(reading)
    assert (problem.code, str(problem.at)) == ("CFG001", "models/a.sql:4:1")
    assert problem.at.length == len("materialised")
    assert problem.hint == "did you mean 'materialized'?"


def test_wrong_values_stand_at_the_value(tmp_path):
    front = """
    materialized: tabel
    tags: [{a: 1}]
    enabled: perhaps
    depends_on: [[x]]
    inputs: {orders: sometimes}
    meta: 3
    """
    reading = read(tmp_path, {"models/a.sql": model(front)})
    assert sorted(places(reading)) == [
        "models/a.sql:3:15 CFG002",
        "models/a.sql:4:8 CFG002",
        "models/a.sql:5:10 CFG002",
        "models/a.sql:6:14 CFG002",
        "models/a.sql:7:18 CFG002",
        "models/a.sql:8:7 CFG002",
    ]


def test_keys_of_dbt_without_meaning_are_named(tmp_path):
    problem = only(read(tmp_path, {"models/a.sql": model("contract: {enforced: true}")}))
    assert (problem.code, problem.severity) == ("CFG004", Severity.WARNING)


def test_one_key_with_two_values_shows_both_places(tmp_path):
    files = {
        "models/a.sql": "select 1",
        "models/one.yml": "models:\n  - name: a\n    owner: team:x\n",
        "models/two.yml": "models:\n  - name: a\n    config: {owner: team:y}\n",
    }
    problem = only(read(tmp_path, files))
    assert (problem.code, str(problem.at)) == ("CFG003", "models/two.yml:3:14")
    assert [str(at) for at in problem.others] == ["models/one.yml:3:5"]


def test_one_key_with_one_value_twice_is_fine(tmp_path):
    files = {
        "models/a.sql": "select 1",
        "models/p.yml": "models:\n  - {name: a, owner: team:x, owners: team:x}\n",
    }
    assert read(tmp_path, files).problems == ()


def test_other_names_for_one_key_clash(tmp_path):
    reading = read(tmp_path, {"models/a.sql": model("owner: team:x\nowners: [team:y]")})
    assert places(reading) == ["models/a.sql:4:1 CFG003"]


@pytest.mark.parametrize(
    ("partition", "place", "hint"),
    [
        ("{by: month, column: d, start: 2024-01-15}", 42, "write 2024-01-01 or 2024-02-01"),
        ("{by: week, column: d, start: 2024-01-03}", 41, "write 2024-01-01 or 2024-01-08"),
        (
            "{by: hour, column: d, start: 2024-01-01T00:30}",
            41,
            "write 2024-01-01 or 2024-01-01 01:00:00",
        ),
    ],
)
def test_a_start_must_fit_the_grain(tmp_path, partition, place, hint):
    problem = only(read(tmp_path, {"models/a.sql": model(f"partition: {partition}")}))
    assert (problem.code, str(problem.at)) == ("PAR001", f"models/a.sql:3:{place}")
    assert problem.hint == hint


@pytest.mark.parametrize(
    ("partition", "code"),
    [
        ("{by: day, column: d, start: 2024-13-01}", "CFG002"),
        ("{by: day, column: d, start: 0000-00-00}", "CFG002"),
        ("{by: dya, column: d, start: 2024-01-01}", "PAR002"),
        ("{by: day, column: d}", "PAR002"),
        ("{by: day, start: 2024-01-01}", "PAR002"),
        ("{by: day, column: d, start: 2024-01-02, end: 2024-01-01}", "PAR001"),
        ("{by: day, column: d, start: 2024-01-01, batch: 0}", "CFG002"),
        ("{by: day, column: d, start: 2024-01-01, batch: true}", "CFG002"),
        ("{by: day, column: d, start: 2024-01-01, lokback: 1}", "PAR002"),
        ("day", "PAR002"),
    ],
)
def test_wrong_partitions(tmp_path, partition, code):
    problem = only(read(tmp_path, {"models/a.sql": model(f"partition: {partition}")}))
    assert problem.code == code
    assert problem.at.line == 3


@pytest.mark.parametrize(
    ("by", "start", "grain"),
    [
        ("year", "2024", Grain.YEAR),
        ("quarter", "2024-Q2", Grain.QUARTER),
        ("monthly", "2024-02", Grain.MONTH),
        ("week", "2024-01-01", Grain.WEEK),
        ("DAY", "2024-01-01", Grain.DAY),
        ("hour", "2024-01-01T05", Grain.HOUR),
        ("minute", '"2024-01-01 05:01"', Grain.MINUTE),
    ],
)
def test_every_grain(tmp_path, by, start, grain):
    front = f"partition: {{by: {by}, column: d, start: {start}, include_current: yes}}"
    reading = read(tmp_path, {"models/a.sql": model(front)})
    assert reading.problems == ()
    partition = asset(reading, "a").partition
    assert partition is not None
    assert partition.axis == axis_of(grain)
    assert partition.include_current is True


def test_a_view_has_no_slices(tmp_path):
    cut = "partition: {by: day, column: d, start: 2024-01-01}"
    reading = read(tmp_path, {"models/a.sql": model(f"materialized: view\n{cut}")})
    assert places(reading) == ["models/a.sql:4:1 PAR003"]


def test_incremental_needs_a_key(tmp_path):
    files = {
        "models/a.sql": model("materialized: incremental"),
        "models/b.sql": model("materialized: incremental\nunique_key: [x, y]"),
        "models/c.sql": model("materialized: table\nunique_key: x"),
    }
    reading = read(tmp_path, files)
    assert places(reading) == ["models/a.sql:3:15 MAT001", "models/c.sql:4:1 MAT002"]
    assert asset(reading, "b").unique_key == ("x", "y")


def test_columns_take_comments_from_the_query(tmp_path):
    front = "columns: [{name: a, description: said}, b]"
    query = "select\n  a, -- ignored\n  b, -- of b\n  c -- of c\nfrom t"
    columns = asset(read(tmp_path, {"models/m.sql": model(front, query)}), "m").columns
    assert [(column.name, column.description) for column in columns] == [
        ("a", "said"),
        ("b", "of b"),
        ("c", "of c"),
    ]


def test_a_column_twice_is_a_fault(tmp_path):
    reading = read(tmp_path, {"models/a.sql": model("columns: [{name: x}, {name: x}]")})
    assert places(reading) == ["models/a.sql:3:22 CFG003"]


def test_enabled_false_leaves_an_asset_out(tmp_path):
    reading = read(tmp_path, {"models/a.sql": model("enabled: false"), "models/b.sql": "select 1"})
    assert [found.name for found in reading.assets] == ["b"]


def test_yaml_about_an_asset_that_is_not_enabled_is_no_stray(tmp_path):
    files = {
        "models/a.sql": model("enabled: false"),
        "models/p.yml": "models: [{name: a, owner: x}]",
    }
    assert read(tmp_path, files).problems == ()


def test_ref_is_accepted_in_depends_on(tmp_path):
    front = "depends_on: [\"ref('x')\", \"source('raw', 'y')\"]"
    found = asset(read(tmp_path, {"models/a.sql": model(front)}), "a").depends_on
    assert [dependency.name for dependency in found] == ["x", "raw.y"]
    assert isinstance(found[0], Dependency)


def test_front_matter_that_is_no_mapping(tmp_path):
    assert places(read(tmp_path, {"models/a.sql": model("- a\n- b")})) == [
        "models/a.sql:3:1 CFG002"
    ]


def test_what_moves_the_version(tmp_path):
    base = "description: x\nmaterialized: table\nchecks: [not_empty]"
    variants = {
        "description": base.replace("x", "y"),
        "owner": base + "\nowner: me",
        "checks": base.replace("not_empty", "{unique: order_id}"),
        "columns": base + "\ncolumns: [{name: order_id, description: id}]",
        "materialized": base.replace("table", "view"),
        "schema": base + "\nschema: other",
        "after": base + "\nafter: analyze",
        "alias": base + "\nalias: z",
    }
    first = asset(read(tmp_path, {"models/a.sql": model(base)}), "a").version
    moved = {
        key: asset(read(tmp_path, {"models/a.sql": model(front)}), "a").version != first
        for key, front in variants.items()
    }
    assert {key for key, value in moved.items() if value} == {
        "materialized",
        "schema",
        "after",
        "alias",
    }
    body, _, rest = first.partition(".")
    assert (len(body), len(rest)) == (16, 8)


def test_the_body_moves_only_the_first_part(tmp_path):
    one = asset(read(tmp_path, {"models/a.sql": "select 1 as a"}), "a").version
    same = asset(read(tmp_path, {"models/a.sql": "-- note\nSELECT 1\n  AS a;"}), "a").version
    other = asset(read(tmp_path, {"models/a.sql": "select 2 as a"}), "a").version
    assert one == same
    assert one.split(".")[0] != other.split(".")[0]
    assert one.split(".")[1] == other.split(".")[1]


@pytest.mark.parametrize(
    ("key", "moves"),
    [
        ("lookback: 2", False),
        ("batch: 3", False),
        ("end: 2025-01-01", False),
        ("start: 2023-01-01", False),
        ("by: month", False),
        ("timezone: Europe/Berlin", True),
        ("column: e", True),
    ],
)
def test_which_partition_keys_move_the_version(tmp_path, key, moves):
    base = {"by": "day", "column": "d", "start": "2024-01-01"}
    name, _, value = key.partition(": ")
    versions = [
        asset(
            read(
                tmp_path,
                {"models/a.sql": model("partition: " + str(keys).replace("'", ""))},
            ),
            "a",
        ).version
        for keys in (base, {**base, name: value})
    ]
    assert (versions[0] != versions[1]) is moves


@pytest.mark.parametrize("query", ["select '{{ partition.start }}' as d", "select d from a"])
def test_a_query_that_knows_its_slices_is_another_one_for_other_slices(tmp_path, query):
    cuts = ["{by: day, column: d, start: 2024-01-01}", "{by: month, column: d, start: 2024-01-01}"]
    texts = [model(f"partition: {cut}", query) for cut in cuts]
    first, second = (asset(read(tmp_path, {"models/a.sql": t}), "a").version for t in texts)
    assert first != second
