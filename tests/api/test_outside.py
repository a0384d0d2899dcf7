"""What others write: reports, observing functions, and how old the data of sources is. Real DuckDB."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from cli.projects import ok, run, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sqlpipes
from sqlpipes.api import Ask, freshness, run_details, runs
from sqlpipes.core.plan import Plan

NOW = datetime(2024, 3, 1, tzinfo=UTC)
SLICED = "partition: {by: day, column: day, start: 2024-01-01, end: 2024-01-08}"
SHOP = {
    "sqlpipes.yml": "name: shop\n",
    "models/s.yml": (
        "sources:\n  - name: till\n    tables:\n      - name: sales\n        changes: never\n"
        "        partition: {by: day, column: day}\n      - {name: rates, changes: never}\n"
    ),
    "models/daily.sql": (
        f"/*\n---\n{SLICED}\ninputs: {{till.sales: same}}\n---\n*/\n"
        "select day, sum(amount) as amount from till.sales group by all\n"
    ),
    "models/total.sql": (
        "/*\n---\nmaterialized: table\n---\n*/\n"
        "select sum(amount) * (select max(rate) from till.rates) as amount from daily\n"
    ),
    "models/seen.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect count(*) as n from till.sales\n",
}


def shop(root: Path, **more: str) -> Path:
    write(root, {**SHOP, **more})
    sql(
        root,
        "create schema till",
        "create table till.sales as select date '2024-01-01' + cast(i as int) as day, 10 as amount "
        "from range(7) t(i)",
        "create table till.rates as select 2 as rate",
    )
    return root


def sql(root: Path, *statements: str) -> list[tuple]:
    with duckdb.connect(str(root / "shop.duckdb")) as connection:
        for statement in statements:
            found = connection.execute(statement)
        return found.fetchall()


def plan(root: Path, **ask) -> Plan:
    return sqlpipes.plan(sqlpipes.load(str(root)), Ask(**ask), now=NOW)


def steps(root: Path) -> dict[str, str]:
    return {step.asset: str(step.slices) for step in plan(root).steps}


def report(root: Path, name: str, **said):
    return sqlpipes.report(sqlpipes.load(str(root)), name, **said)


def test_a_reported_slice_reopens_what_reads_it_and_nothing_else(tmp_path):
    root = shop(tmp_path)
    ok(root, "build")
    assert steps(root) == {}
    report(root, "till.sales", partition="2024-01-03")
    assert steps(root) == {"daily": "2024-01-03", "seen": "all", "total": "all"}
    ok(root, "build")
    assert steps(root) == {}
    report(root, "till.sales", partition="2024-01-02..2024-01-04, 2024-01-07")
    assert steps(root)["daily"] == "2024-01-02..2024-01-04, 2024-01-07"


def test_a_reported_source_reopens_all_that_reads_it(tmp_path):
    root = shop(tmp_path)
    ok(root, "build")
    report(root, "till.sales", partition="2024-01-03")
    ok(root, "build")
    report(root, "till.sales")
    assert steps(root) == {"daily": "2024-01-01..2024-01-08", "seen": "all", "total": "all"}
    ok(root, "build")
    report(root, "till.rates")
    assert steps(root) == {"total": "all"}


def test_a_report_comes_once_where_the_change_is_seen_as_well(tmp_path):
    """The report, and the look of the next build, are about the same rows."""
    text = SHOP["models/s.yml"].replace("        changes: never\n", "")
    root = shop(tmp_path, **{"models/s.yml": text})
    ok(root, "build")
    sql(root, "update till.sales set amount = 11 where day = '2024-01-03'")
    report(root, "till.sales", partition="2024-01-03")
    found = steps(root)
    assert (found["till.sales"], found["daily"]) == ("2024-01-03", "2024-01-03")
    ok(root, "build")
    assert steps(root) == {}
    assert sql(root, "select amount from daily where day = '2024-01-03'") == [(11,)]


def test_a_report_before_the_first_look_loses_nothing(tmp_path):
    root = shop(tmp_path)
    report(root, "till.sales", partition="2024-01-03")
    report(root, "till.rates")
    assert steps(root)["daily"] == "2024-01-01..2024-01-08"
    ok(root, "build")
    assert steps(root) == {}
    assert sql(root, "select amount from total") == [(140,)]


def test_an_asset_that_was_reported_counts_as_built_and_its_readers_do_not(tmp_path):
    root = shop(tmp_path)
    ok(root, "build")
    sql(root, "update daily set amount = 99 where day = '2024-01-05'")
    ok(root, "build", "-s", "till.sales")
    report(root, "daily", partition="2024-01-05")
    assert steps(root) == {"total": "all"}
    ok(root, "build")
    assert sql(root, "select amount from total") == [(318,)]


def test_rows_that_were_filled_in_by_hand_are_taken_over(tmp_path):
    """A history that somebody copied into the table need not be built."""
    root = shop(tmp_path)
    ok(root, "build", "-s", "+daily", "--partition", "2024-01-07")
    sql(root, "insert into daily select day, 5 from till.sales where day < '2024-01-07'")
    report(root, "daily", partition="2024-01-01..2024-01-07")
    assert "daily" not in steps(root)
    ok(root, "build")
    assert sql(root, "select sum(amount) from daily") == [(40,)]


def test_a_report_without_a_table_is_no_claim_that_there_is_one(tmp_path):
    root = shop(tmp_path)
    report(root, "daily")
    assert steps(root)["daily"] == "2024-01-01..2024-01-08"


def test_checks_of_what_was_reported_are_due(tmp_path):
    text = SHOP["models/daily.sql"].replace("---\n*/", "checks:\n  - not_null: [amount]\n---\n*/")
    root = shop(tmp_path, **{"models/daily.sql": text})
    ok(root, "build")
    sql(root, "update daily set amount = null where day = '2024-01-05'")
    report(root, "daily", partition="2024-01-05")
    assert run(root, "build").exit_code == 1


def test_a_report_is_no_run_and_keeps_what_is_told_with_it(tmp_path):
    root = shop(tmp_path)
    ok(root, "build")
    project = sqlpipes.load(str(root))
    before = runs(project)
    at = datetime(2024, 2, 1, 6, tzinfo=UTC)
    note = report(root, "till.rates", metadata={"rows": 7, "score": 0.5, "by": "ann"}, at=at)
    assert (note.at, note.rows) == (at, 7)
    assert runs(project) == before
    assert run_details(project).run_id == before[0].run_id
    found = json.loads(ok(root, "status", "till.rates", "--json"))[0]
    assert found["last_build"]["metadata"]["score"] == {"type": "number", "value": 0.5}
    said = ok(root, "status", "till.rates", "--metric", "score")
    assert "2024-02-01 06:00" in said


def test_pruning_takes_old_reports_along(tmp_path):
    root = shop(tmp_path)
    project = sqlpipes.load(str(root))
    report(root, "till.rates", at=datetime(2024, 1, 1, tzinfo=UTC))
    ok(root, "build")
    report(root, "till.rates")
    ok(root, "build")
    from sqlpipes.api.project import open_store_of

    store = open_store_of(project)
    assert len(store.notes("till.rates")) == 3  # one was the look of the first build
    store.prune(1)
    assert [note.run_id[:7] for note in store.notes("till.rates")] == []
    store.close()
    assert steps(root) == {}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("till.sale",), 2, "did you mean 'till.sales'?"),
        (("till.rates", "--partition", "2024-01-01"), 2, "has no slices"),
        (("till.sales", "--partition", "soon"), 2, "PLN002"),
        (("daily", "--partition", "2025-01-01"), 2, "has no slices 2025-01-01"),
        (("till.rates", "--at", "yesterday"), 2, "is no date and time"),
        (("till.rates", "--at", "2999-01-01"), 2, "MET004"),
        (("till.rates", "-m", "rows"), 2, "wants name=value"),
        (("a_view",), 2, "report what it reads"),
    ],
)
def test_what_cannot_be_reported_is_told(tmp_path, arguments, code, said):
    root = shop(tmp_path, **{"models/a_view.sql": "select * from till.rates"})
    result = run(root, "report", *arguments)
    assert result.exit_code == code
    assert said in result.output


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("day"), st.integers(1, 7)),
            st.tuples(st.just("all"), st.just(0)),
            st.tuples(st.just("build"), st.sampled_from(["daily", "seen", "total", ""])),
        ),
        min_size=1,
        max_size=7,
    )
)
def test_whatever_is_reported_the_next_build_has_it(tmp_path_factory, happenings):
    """The source is never looked at again: only reports say what has moved."""
    root = shop(tmp_path_factory.mktemp("shop"))
    ok(root, "build")
    for number, (what, which) in enumerate(happenings, 100):
        if what == "build":
            ok(root, "build", *(["-s", which] if which else []))
        elif what == "day":
            sql(root, f"update till.sales set amount = {number} where day = '2024-01-0{which}'")
            report(root, "till.sales", partition=f"2024-01-0{which}")
        else:
            sql(root, f"update till.sales set amount = amount + {number}")
            report(root, "till.sales")
    ok(root, "build")
    wrong = sql(
        root,
        "select * from daily join (select day, sum(amount) as s from till.sales group by all) "
        "using (day) where amount <> s",
    )
    assert wrong == []
    assert sql(root, "select amount = 2 * (select sum(amount) from till.sales) from total") == [
        (True,)
    ]
    assert steps(root) == {}


# ------------------------------------------------------------------------------------- observers

OBSERVED = {
    "sqlpipes.yml": "name: shop\n",
    "models/s.yml": "sources: [{name: till, tables: [{name: rates, changes: never}]}]\n",
    "models/a.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect * from till.rates\n",
    "models/b.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect 1 as n\n",
}
READS_A_FILE = (
    "import pathlib\nfrom sqlpipes import observe\n\n@observe(source='till.rates')\n"
    "def version(context):\n"
    "    (pathlib.Path(context.root) / 'asked').touch()\n"
    "    return {value}\n"
)
VERSION = "(pathlib.Path(context.root) / 'version').read_text()"


def observed(root: Path, value: str = VERSION) -> Path:
    write(root, {**OBSERVED, "models/o.py": READS_A_FILE.replace("{value}", value), "version": "1"})
    sql(root, "create schema till", "create table till.rates as select 2 as rate")
    return root


def test_a_source_has_changed_when_its_function_says_so(tmp_path):
    root = observed(tmp_path)
    ok(root, "build")
    assert steps(root) == {}
    (root / "version").write_text("2")
    assert steps(root) == {"till.rates": "all", "a": "all"}
    ok(root, "build")
    assert steps(root) == {}


def test_it_is_asked_only_for_those_who_read_it(tmp_path):
    root = observed(tmp_path)
    ok(root, "build", "-s", "b")
    ok(root, "ls")
    assert not (root / "asked").exists()
    ok(root, "build", "-s", "a")
    assert (root / "asked").exists()


def test_a_function_that_cannot_tell_counts_as_changed(tmp_path):
    root = observed(tmp_path, "None")
    ok(root, "build")
    assert steps(root) == {"till.rates": "all", "a": "all"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            "1 / 0",
            "models/o.py:7:12: SRC006 source 'till.rates' cannot be observed: version() raised",
        ),
        ("['a']", "returned list instead of a text or a number"),
        ("True", "returned bool instead of"),
        ("{'2024-01-01': 1}", "it has no windows"),
        ("exit(3)", "SystemExit"),
    ],
)
def test_what_a_function_does_wrong_is_told_and_nothing_is_built(tmp_path, value, said):
    root = observed(tmp_path, value)
    result = run(root, "build")
    assert result.exit_code == 2
    assert said in result.output
    assert sql(root, "select count(*) from duckdb_tables() where table_name = 'a'") == [(0,)]
    ok(root, "build", "-s", "b")


def test_a_version_per_window_reopens_exactly_these(tmp_path):
    write(
        tmp_path,
        {
            **SHOP,
            "models/o.py": "import json, pathlib\nfrom sqlpipes import observe\n"
            "@observe(source='till.sales')\ndef v(context):\n"
            "    return json.loads((pathlib.Path(context.root) / 'v.json').read_text())\n",
            "v.json": json.dumps({f"2024-01-0{day}": 1 for day in range(1, 8)}),
        },
    )
    root = shop(tmp_path)
    ok(root, "build")
    (root / "v.json").write_text(
        json.dumps({f"2024-01-0{day}": 2 if day in (2, 5) else 1 for day in range(1, 8)})
    )
    found = steps(root)
    assert found["till.sales"] == found["daily"] == "2024-01-02, 2024-01-05"
    ok(root, "build")
    assert steps(root) == {}
    (root / "v.json").write_text('{"soon": 1}')
    result = run(root, "plan")
    assert "the key 'soon' names no window" in result.output


# ------------------------------------------------------------------------------------- freshness

AGED = (
    "sources:\n  - name: raw\n    tables:\n"
    "      - {name: a, freshness: {warn: 1d, error: 3d, column: seen}}\n"
    "      - {name: d, freshness: {error: 3d, column: seen}}\n"
    "      - {name: z, freshness: {error: 1h, column: seen}}\n"
    "      - {name: e, freshness: {warn: 1d, error: 3d, column: seen, filter: seen > '2030-01-01'}}\n"
    "      - {name: t, freshness: {error: 3d, column: seen}}\n"
    "      - name: q\n        freshness: 3d\n"
    "        loaded_at_query: select max(seen) - interval 10 day from {{ this }}\n"
    "  - {name: f, files: raw/*.csv, freshness: 36500d}\n"
)


def aged(root: Path, text: str = AGED) -> Path:
    write(root, {"sqlpipes.yml": "name: shop\n", "models/s.yml": text, "raw/a.csv": "x\n1\n"})
    sql(
        root,
        "create schema raw",
        *(f"create table raw.{n} as select timestamp '2024-02-28 00:00' as seen" for n in "aeq"),
        "create table raw.d as select date '2024-02-28' as seen",
        "create table raw.z as select timestamptz '2024-03-01 00:30:00+01:00' as seen",
        "create table raw.t as select '2024-02-28T12:00' as seen",
    )
    return root


def test_verdicts(tmp_path):
    root = aged(tmp_path)
    found = freshness(sqlpipes.load(str(root)), now=NOW)
    said = {item.source: (str(item.age.verdict), item.age.age_s) for item in found if item.age}
    del said["f"]
    assert said == {
        "raw.a": ("warn", 172800.0),
        "raw.d": ("pass", 172800.0),
        "raw.z": ("pass", 1800.0),
        "raw.e": ("error", None),
        "raw.t": ("pass", 129600.0),
        "raw.q": ("error", 1036800.0),
    }


def test_the_command_tells_and_fails_and_is_followed_over_time(tmp_path):
    root = aged(tmp_path)
    result = run(root, "source", "freshness", "-s", "raw.a f")
    assert result.exit_code == 1
    assert "2 sources: 1 pass, 1 error" in result.stdout
    assert run(root, "source", "freshness", "-s", "f").exit_code == 0
    said = json.loads(run(root, "source", "freshness", "-s", "raw.e", "--json").stdout)
    assert (said[0]["status"], said[0]["max_loaded_at"]) == ("error", None)
    assert "raw.a age_s: 1 point" in ok(root, "status", "raw.a", "--metric", "age_s")
    assert "raw.a freshness: 1 point" in ok(root, "status", "raw.a", "--metric", "freshness")


def test_a_source_that_cannot_be_asked_keeps_no_other_from_it(tmp_path):
    text = (
        "sources:\n  - name: raw\n    tables:\n"
        "      - {name: a, freshness: {error: 9999d, column: sen}}\n"
        "      - {name: gone, freshness: {error: 9999d, column: seen}}\n"
        "      - {name: q, freshness: {error: 1d, query: 'select 7'}}\n"
        "      - {name: d, freshness: {error: 9999d, column: seen}}\n"
    )
    root = aged(tmp_path, text)
    result = run(root, "source", "freshness")
    assert result.exit_code == 1
    assert "4 sources: 3 failed, 1 pass" in result.stdout
    assert "models/s.yml:4:19" in result.stdout
    assert "'7' is no date and no time" in result.stdout


def test_no_freshness_at_all_is_an_error(tmp_path):
    root = shop(tmp_path)
    result = run(root, "source", "freshness")
    assert (result.exit_code, "SRC004" in result.output) == (2, True)
    result = run(aged(tmp_path / "b"), "source", "freshness", "-s", "raw.nope")
    assert "SEL001" in result.output


def test_a_build_does_not_ask_how_fresh_sources_are(tmp_path):
    root = aged(tmp_path)
    write(root, {"models/m.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect * from raw.a"})
    ok(root, "build")


TALKS = (
    "import logging\nfrom sqlpipes import observe\n\n@observe(source='till.rates')\n"
    "def version():\n    print('asking them')\n    logging.getLogger('till').info('still asking')\n"
    "    return 1\n"
)


def test_what_an_observing_function_says_is_no_part_of_the_json(tmp_path):
    root = observed(tmp_path)
    (root / "models/o.py").write_text(TALKS)
    for command in (("plan", "--json"), ("status", "--json"), ("build", "--json")):
        found = run(root, *command)
        assert found.exit_code == 0
        for text in [found.stdout] if command[0] != "build" else found.stdout.splitlines():
            json.loads(text)
        assert found.stderr.startswith("asking them\nINFO till: still asking\n")
    (root / "models/o.py").write_text(TALKS.replace("return 1", "1 / 0"))
    found = run(root, "plan", "--json")
    assert (found.exit_code, "asking them" in found.stdout) == (2, False)
    assert found.stderr.startswith("asking them\n")
