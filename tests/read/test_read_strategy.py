"""How rows are kept: what may be said, and every fault at its own key."""

from __future__ import annotations

import pytest
from read.folders import asset, model, places, read

from sqlpipes.core.asset import Materialized
from sqlpipes.core.strategy import (
    HardDeletes,
    Incremental,
    SchemaChange,
    Snapshot,
    SnapshotColumns,
    Strategy,
)

CUT = "partition: {by: day, column: d, start: 2024-01-01}"
ASKS = "select 1 as id {% if is_incremental() %} where false {% endif %}"


def one(tmp_path, front, query="select 1 as id"):
    reading = read(tmp_path, {"models/a.sql": model(front, query)})
    assert reading.problems == ()
    return asset(reading, "a")


def test_merge_is_what_a_key_means(tmp_path):
    found = one(tmp_path, "materialized: incremental\nunique_key: id")
    assert found.incremental == Incremental()
    assert found.on_schema_change is SchemaChange.FAIL


def test_everything_that_a_merge_is_told(tmp_path):
    found = one(
        tmp_path,
        "materialized: incremental\nunique_key: [id, x]\nstrategy: merge\nupdated_at: ts\n"
        "merge_update_columns: [a, b]\non_schema_change: sync_all_columns",
    )
    assert found.incremental == Incremental(Strategy.MERGE, "ts", ("a", "b"))
    assert found.on_schema_change is SchemaChange.SYNC


def test_dbt_s_words_are_understood(tmp_path):
    front = (
        "config:\n  materialized: incremental\n  unique_key: id\n"
        "  incremental_strategy: delete+insert\n  merge_exclude_columns: x\n"
        "  on_schema_change: append_new_columns"
    )
    found = one(tmp_path, front)
    assert found.incremental == Incremental(Strategy.MERGE, None, (), ("x",))
    assert found.on_schema_change is SchemaChange.ADD


@pytest.mark.parametrize("strategy", ["", "strategy: slices", "incremental_strategy: microbatch"])
def test_an_incremental_model_with_a_partition_replaces_slices(tmp_path, strategy):
    found = one(tmp_path, f"materialized: incremental\n{CUT}\n{strategy}", "select 1 as d")
    assert found.materialized is Materialized.TABLE
    assert found.partition is not None
    assert found.settings["materialized"] == "incremental"


def test_full_is_a_table(tmp_path):
    found = one(tmp_path, "materialized: incremental\nstrategy: full")
    assert found.materialized is Materialized.TABLE


def test_append_must_ask_what_is_there(tmp_path):
    found = one(tmp_path, "materialized: incremental\nstrategy: append", ASKS)
    assert found.incremental == Incremental(Strategy.APPEND)
    macro = "{% macro only_new() %}{% if is_incremental() %} where false {% endif %}{% endmacro %}"
    files = {
        "models/a.sql": model("materialized: incremental\nstrategy: append"),
        "models/b.sql": model(
            "materialized: incremental\nstrategy: append", "select 1 as id {{ only_new() }}"
        ),
        "models/c.sql": model(
            "materialized: incremental\nstrategy: append", "select 1 as id -- is_incremental()"
        ),
        "macros/m.sql": macro,
    }
    reading = read(tmp_path / "other", files)
    assert places(reading) == ["models/a.sql:4:11 MAT003", "models/c.sql:4:11 MAT003"]


def test_a_snapshot_by_time_and_by_check(tmp_path):
    found = one(tmp_path / "1", "materialized: snapshot\nunique_key: id\nupdated_at: ts")
    assert found.snapshot == Snapshot("ts")
    front = (
        "materialized: snapshot\nunique_key: id\nstrategy: check\ncheck_cols: [a, b]\n"
        "hard_deletes: new_record\nsnapshot_meta_column_names: {dbt_valid_from: since}"
    )
    names = SnapshotColumns(valid_from="since")
    wanted = Snapshot(None, ("a", "b"), HardDeletes.NEW_RECORD, names)
    assert one(tmp_path / "2", front).snapshot == wanted
    for columns in ("all", "[ALL]"):
        front = f"materialized: snapshot\nunique_key: id\ncheck_columns: {columns}"
        assert one(tmp_path / columns, front).snapshot == Snapshot()


@pytest.mark.parametrize(
    ("front", "wanted"),
    [
        ("materialized: incremental\nstrategy: merge", "3:15 MAT001"),
        ("materialized: incremental\nunique_key: id\nstrategy: mergee", "5:11 CFG002"),
        ("materialized: incremental\nstrategy: slices", "4:11 MAT003"),
        (f"materialized: incremental\n{CUT}\nstrategy: merge\nunique_key: id", "4:1 PAR003"),
        (f"materialized: incremental\n{CUT}\nunique_key: id", "5:1 MAT002"),
        (f"materialized: snapshot\nunique_key: id\nupdated_at: x\n{CUT}", "6:1 PAR003"),
        ("materialized: snapshot\nupdated_at: x", "3:15 MAT001"),
        ("materialized: snapshot\nunique_key: id", "3:15 MAT003"),
        ("materialized: snapshot\nunique_key: id\nstrategy: timestamp", "5:11 MAT003"),
        ("materialized: snapshot\nunique_key: id\nstrategy: chek", "5:11 CFG002"),
        (
            "materialized: snapshot\nunique_key: id\nupdated_at: x\nhard_deletes: invalid",
            "6:15 CFG002",
        ),
        (
            "materialized: snapshot\nunique_key: id\nupdated_at: x\ncheck_columns: [a]",
            "6:1 MAT002",
        ),
        (
            "materialized: snapshot\nunique_key: id\nupdated_at: x\non_schema_change: rebuild",
            "6:19 MAT004",
        ),
        (
            "materialized: snapshot\nunique_key: id\nupdated_at: x\n"
            "snapshot_columns: {valid_form: a}",
            "6:20 CFG001",
        ),
        (
            "materialized: snapshot\nunique_key: id\nupdated_at: x\n"
            "snapshot_columns: {valid_from: VALID_TO}",
            "6:19 MAT004",
        ),
        (
            "materialized: snapshot\nunique_key: id\nupdated_at: x\nsnapshot_columns: [a]",
            "6:19 CFG002",
        ),
        (
            "materialized: incremental\nunique_key: id\n"
            "merge_update_columns: [a]\nmerge_exclude_columns: [b]",
            "6:1 MAT004",
        ),
        (
            "materialized: incremental\nunique_key: id\nupdated_at: ts\n"
            "merge_exclude_columns: [b, TS]",
            "6:28 MAT004",
        ),
        ("materialized: incremental\nunique_key: id\non_schema_change: adds", "5:19 CFG002"),
        ("materialized: table\nupdated_at: x", "4:1 MAT002"),
        ("materialized: table\nstrategy: merge", "4:1 MAT002"),
        ("hard_deletes: ignore", "3:1 MAT002"),
        ("materialized: snapshott", "3:15 CFG002"),
    ],
)
def test_every_fault_at_its_own_key(tmp_path, front, wanted):
    reading = read(tmp_path, {"models/a.sql": model(front, "select 1 as id")})
    assert places(reading) == [f"models/a.sql:{wanted}"]


@pytest.mark.parametrize(
    ("front", "hint"),
    [
        ("materialized: incremental\nunique_key: id\nstrategy: mergee", "did you mean 'merge'?"),
        (
            "materialized: incremental\nunique_key: id\non_schema_change: synk",
            "did you mean 'sync'?",
        ),
        ("materialized: incremental\nunique_ky: id\nunique_key: id", "did you mean 'unique_key'?"),
    ],
)
def test_hints_name_the_nearest(tmp_path, front, hint):
    (problem,) = read(tmp_path, {"models/a.sql": model(front)}).problems
    assert problem.hint == hint


def test_defaults_of_a_folder_are_no_fault_of_its_views(tmp_path):
    files = {
        "sqlpipes.yml": "name: x\ndefaults:\n  models: {strategy: merge, on_schema_change: add}\n",
        "models/a.sql": "select 1 as id",
        "models/b.sql": model("materialized: incremental\nunique_key: id"),
    }
    reading = read(tmp_path, files)
    assert reading.problems == ()
    assert asset(reading, "b").on_schema_change is SchemaChange.ADD


def test_only_what_changes_stored_rows_moves_the_version(tmp_path):
    def version(number, front):
        return one(tmp_path / str(number), front).version

    first = "materialized: incremental\nunique_key: id"
    base = version(1, first)
    assert version(2, f"{first}\non_schema_change: sync\nfull_refresh: false") == base
    assert version(3, f"{first}\nupdated_at: x") != base
    snapshot = "materialized: snapshot\nunique_key: id\nupdated_at: x"
    base = version(4, snapshot)
    assert version(5, f"{snapshot}\nhard_deletes: invalidate\nbefore: select 1") == base
    assert version(6, f"{snapshot}\nsnapshot_columns: {{valid_to: until}}") != base
    assert version(7, "materialized: snapshot\nunique_key: id\ncheck_columns: all") == base


def test_full_refresh_is_true_or_false(tmp_path):
    reading = read(tmp_path, {"models/a.sql": model("full_refresh: maybe")})
    assert places(reading) == ["models/a.sql:3:15 CFG002"]
    found = one(tmp_path / "b", "full_refresh: \"{{ var('x', 'no') }}\"")
    assert found.settings["full_refresh"] is False


def test_dbt_s_own_snapshots_are_told_how_to_be_written_here(tmp_path):
    files = {
        "models/a.sql": "{% snapshot a %}\nselect 1 as id\n{% endsnapshot %}",
        "models/p.yml": "snapshots:\n  - name: x\n",
        "snapshots/b.sql": "{% snapshot b %}select 1 as id{% endsnapshot %}",
    }
    reading = read(tmp_path, files)
    assert sorted(places(reading)) == [
        "models/a.sql:1:4 JIN007",
        "models/p.yml:1:1 CFG004",
        "snapshots/b.sql:1:1 CFG004",
    ]
    assert all("`materialized: snapshot`" in str(problem.hint) for problem in reading.problems)


def test_a_folder_of_snapshots_may_be_one_of_models(tmp_path):
    files = {
        "sqlpipes.yml": "name: x\nmodel_paths: [models, snapshots]\n",
        "models/a.sql": "select 1 as id",
        "snapshots/b.sql": model("materialized: snapshot\nunique_key: id\ncheck_columns: all"),
    }
    reading = read(tmp_path, files)
    assert reading.problems == ()
    assert asset(reading, "b").snapshot == Snapshot()
