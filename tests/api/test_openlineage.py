"""Builds in OpenLineage's words: read by its own client, and held against what was built."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from servers.openlineage import read_event

from sqlpipes.api import Ask, How, build, load, openlineage_events, run_job, runs
from sqlpipes.api.openlineage.facets import nominal_time
from sqlpipes.api.openlineage.telling import Telling
from sqlpipes.core.events import BUILT_BY, RunStarted, StepFailed, StepSkipped, StepStarted
from sqlpipes.core.lineage import Lineage
from sqlpipes.core.outlet import Outlet
from sqlpipes.core.partitions import WHOLE, Grain, Partitions
from sqlpipes.core.status import Status

pytest.importorskip("openlineage.client")

SHOP = {
    "sqlpipes.yml": "name: shop\nopenlineage: {file: lineage.jsonl, namespace: prod}\n",
    "seeds/raw_orders.csv": "order_id,customer,amount,day\n1,ann,10.50,2024-01-01\n"
    "2,bob,3.00,2024-01-02\n3,ann,4.00,2024-01-02\n",
    "models/paid.sql": "/*\n---\nmaterialized: ephemeral\n---\n*/\n"
    "select order_id, customer as who, amount, day from raw_orders where amount > 0",
    "models/orders.sql": """/*
---
description: One row per order.
owner: sales@acme.com
tags: [finance]
materialized: table
checks:
  - not_null: order_id
  - accepted_values: {column: who, values: [ann], severity: warn}
---
*/
select order_id, upper(who) as who, cast(amount as integer) as euros, day from paid
where who <> 'eve'
""",
    "models/daily.sql": "/*\n---\nmaterialized: table\n"
    "partition: {by: day, column: day, start: 2024-01-01, end: 2024-01-03}\n---\n*/\n"
    "select day, sum(euros) as euros, count(*) as n from orders group by day",
    "models/scores.py": "from sqlpipes import asset\n\n\n@asset\ndef scores(orders):\n"
    "    '''Scored.'''\n    return [{'who': 'ann', 'score': 1.5}]\n",
    "models/top.sql": "select * from scores order by score limit 1",
}


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def told(root: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (root / "lineage.jsonl").read_text().splitlines()]


def of(events: list[dict[str, Any]], job: str, how: str = "COMPLETE") -> dict[str, Any]:
    (found,) = [e for e in events if (e["job"]["name"], e["eventType"]) == (job, how)]
    return found


def names(datasets: list[dict[str, Any]]) -> list[str]:
    return [each["name"].rpartition("/")[2] for each in datasets]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write(tmp_path_factory.mktemp("shop"), SHOP)
    report = build(load(str(root)))
    assert report.ok
    assert report.warnings == ()
    return root


@pytest.fixture(scope="module")
def events(shop: Path) -> list[dict[str, Any]]:
    return told(shop)


def test_the_client_of_openlineage_reads_every_event(events):
    assert len(events) > 10
    for event in events:
        read_event(event)


def test_a_build_is_a_run_and_each_step_one_below_it(shop, events):
    (run,) = runs(load(str(shop)))
    assert (events[0]["eventType"], events[-1]["eventType"]) == ("START", "COMPLETE")
    assert events[0]["run"]["runId"] == events[-1]["run"]["runId"]
    assert events[0]["run"]["facets"]["sqlpipes_run"]["run_id"] == run.run_id
    assert {each["job"]["namespace"] for each in events} == {"prod"}
    ids = {}
    for event in events[1:-1]:
        parent = event["run"]["facets"]["parent"]
        assert parent["run"]["runId"] == events[0]["run"]["runId"]
        assert parent["job"] == {"namespace": "prod", "name": "shop"}
        ids.setdefault(event["run"]["runId"], []).append(event["eventType"])
    assert set(map(tuple, ids.values())) == {("START", "COMPLETE")}


def test_datasets_are_what_is_read_and_written(events):
    seed = of(events, "shop.raw_orders")
    assert names(seed["inputs"]) == ["raw_orders.csv"]
    assert seed["inputs"][0]["namespace"] == "file"
    assert names(seed["outputs"]) == ["shop.main.raw_orders"]
    assert seed["outputs"][0]["namespace"].startswith("duckdb:///")
    assert seed["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 3
    orders = of(events, "shop.orders")
    assert names(orders["inputs"]) == ["shop.main.raw_orders"]  # `paid` stores nothing
    assert not [each for each in events if each["job"]["name"] == "shop.paid"]
    assert names(of(events, "shop.scores")["inputs"]) == ["shop.main.orders"]


def test_a_dataset_is_told_as_the_files_and_the_warehouse_say_it(events):
    facets = of(events, "shop.orders")["outputs"][0]["facets"]
    fields = [(each["name"], each["type"]) for each in facets["schema"]["fields"]]
    assert fields[1:3] == [("who", "VARCHAR"), ("euros", "INTEGER")]
    assert facets["documentation"]["description"] == "One row per order."
    assert facets["ownership"]["owners"] == [{"name": "sales@acme.com", "type": "OWNER"}]
    assert facets["tags"]["tags"][0]["key"] == "finance"
    assert facets["datasetType"]["datasetType"] == "TABLE"
    top = of(events, "shop.top")["outputs"][0]["facets"]
    assert top["datasetType"]["datasetType"] == "VIEW"


def ways(facet: dict[str, Any]) -> dict[str, dict[str, list[str]]]:
    """field -> source -> type and subtype; under "" what decides the rows."""
    found = {name: each["inputFields"] for name, each in facet["fields"].items()}
    return {
        name: {
            f"{each['name'].rpartition('.')[2]}.{each['field']}": [
                f"{how['type']} {how['subtype']}" for how in each["transformations"]
            ]
            for each in fields
        }
        for name, fields in {**found, "": facet.get("dataset", [])}.items()
    }


def test_columns_are_followed_through_what_stores_no_rows(events):
    found = ways(of(events, "shop.orders")["outputs"][0]["facets"]["columnLineage"])
    assert found == {
        "order_id": {"raw_orders.order_id": ["DIRECT IDENTITY"]},
        "who": {"raw_orders.customer": ["DIRECT TRANSFORMATION"]},
        "euros": {"raw_orders.amount": ["DIRECT TRANSFORMATION"]},
        "day": {"raw_orders.day": ["DIRECT IDENTITY"]},
        "": {
            "raw_orders.amount": ["INDIRECT FILTER"],
            "raw_orders.customer": ["INDIRECT FILTER"],
        },
    }
    found = ways(of(events, "shop.daily")["outputs"][0]["facets"]["columnLineage"])
    assert found["euros"] == {"orders.euros": ["DIRECT AGGREGATION"]}
    assert found[""] == {"orders.day": ["INDIRECT GROUP_BY"]}


def test_columns_that_only_the_build_knows_are_followed_at_once(events):
    found = ways(of(events, "shop.top")["outputs"][0]["facets"]["columnLineage"])
    assert found["score"] == {"scores.score": ["DIRECT IDENTITY"]}
    assert found[""] == {"scores.score": ["INDIRECT SORT"]}


def test_slices_of_time_are_a_nominal_time(events):
    when = of(events, "shop.daily")["run"]["facets"]["nominalTime"]
    assert when["nominalStartTime"] == "2024-01-01T00:00:00.000000Z"
    assert when["nominalEndTime"] == "2024-01-03T00:00:00.000000Z"
    assert "nominalTime" not in of(events, "shop.orders")["run"]["facets"]
    step = of(events, "shop.daily", "START")["run"]["facets"]["sqlpipes_step"]
    assert (step["slices"], step["reasons"]) == ("2024-01-01..2024-01-03", ["never built"])


def test_a_job_has_its_query_and_where_it_stands(events):
    facets = of(events, "shop.orders")["job"]["facets"]
    assert facets["sql"]["query"].startswith("select order_id, upper(who)")
    assert facets["sql"]["dialect"] == "duckdb"
    assert facets["sourceCodeLocation"]["path"] == "models/orders.sql"
    assert facets["jobType"]["jobType"] == "MODEL"
    assert "sql" not in of(events, "shop.scores")["job"]["facets"]


def test_checks_are_a_run_that_reads_what_they_look_at(events):
    checks = of(events, "shop.orders.checks")
    assert names(checks["inputs"]) == ["shop.main.orders"]
    found = checks["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    said = {each["assertion"]: each for each in found}
    assert (said["not_null"]["success"], said["not_null"]["column"]) == (True, "order_id")
    warned = said["accepted_values"]
    assert (warned["success"], warned["severity"], warned["actual"]) == (False, "warn", "3")


def test_a_past_run_is_told_as_it_was(shop, events):
    again = openlineage_events(load(str(shop)))
    assert [shape(each) for each in again] == [shape(each) for each in events]
    for event in again:
        read_event(event)


def shape(event: dict[str, Any]) -> tuple[Any, ...]:
    columns = [each["facets"].get("columnLineage") for each in event["outputs"]]
    said = event["eventTime"], event["eventType"], event["run"], event["job"]["name"]
    return *said, names(event["inputs"]), names(event["outputs"]), columns


def test_a_run_that_failed_is_told_with_what_it_failed_with(tmp_path):
    files = {
        "models/a.sql": "/*\n---\nmaterialized: table\nchecks: [not_null: x]\n---\n*/\n"
        "select cast(null as integer) as x",
        "models/b.sql": "select x from a",
        "models/c.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect 1 // 'x' as y",
        "sqlpipes.yml": SHOP["sqlpipes.yml"],
    }
    report = build(load(str(write(tmp_path, files))))
    assert not report.ok
    events = told(tmp_path)
    for event in events:
        read_event(event)
    assert events[-1]["eventType"] == "FAIL"
    assert events[-1]["run"]["facets"]["errorMessage"]["message"] == "failed: a, c"
    why = of(events, "shop.a", "FAIL")["run"]["facets"]["errorMessage"]["message"]
    assert "not_null" in why
    assert "CHK" in why
    assert "columnLineage" not in of(events, "shop.a", "FAIL")["outputs"][0]["facets"]
    checks = of(events, "shop.a.checks", "FAIL")
    found = checks["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]
    assert [each["success"] for each in found] == [False]
    skipped = of(events, "shop.b", "ABORT")["run"]["facets"]["errorMessage"]["message"]
    assert skipped == "skipped: a"
    assert [shape(each) for each in openlineage_events(load(str(tmp_path)))] == [
        shape(each) for each in events
    ]


def test_a_build_that_has_nothing_to_do_tells_nothing(tmp_path):
    write(tmp_path, {"models/a.sql": "select 1 as x", "sqlpipes.yml": SHOP["sqlpipes.yml"]})
    build(load(str(tmp_path)))
    before = told(tmp_path)
    build(load(str(tmp_path)))
    assert told(tmp_path) == before
    build(load(str(tmp_path)), Ask(force=True))
    assert told(tmp_path)[: len(before)] == before
    assert len(told(tmp_path)) == 2 * len(before)


def test_a_secret_is_in_no_event(tmp_path):
    files = {
        "models/a.sql": "/*\n---\nmaterialized: table\n---\n*/\n"
        "select '{{ env_var('MY_TOKEN') }}' as x, 1 // 'tiptop-secret' as y",
        "sqlpipes.yml": SHOP["sqlpipes.yml"],
    }
    environ = {"MY_TOKEN": "tiptop-secret", "PATH": "/usr/bin"}
    build(load(str(write(tmp_path, files)), environ=environ))
    assert "FAIL" in (tmp_path / "lineage.jsonl").read_text()
    assert "tiptop-secret" not in (tmp_path / "lineage.jsonl").read_text()


def test_the_sample_project_is_told_in_full(tmp_path):
    pytest.importorskip("numpy")
    here = Path(__file__).resolve().parents[2]
    for part in ("models", "seeds", "raw", "macros", "tests/checks"):
        shutil.copytree(here / part, tmp_path / part)
    text = (here / "pyproject.toml").read_text()
    more = '[tool.sqlpipes.openlineage]\nfile = "lineage.jsonl"\n'
    (tmp_path / "pyproject.toml").write_text(f"{text}\n{more}")
    assert build(load(str(tmp_path))).ok
    events = told(tmp_path)
    for event in events:
        read_event(event)
    sales = of(events, "shop.sales")
    found = ways(sales["outputs"][0]["facets"]["columnLineage"])
    assert len(found) == len(sales["outputs"][0]["facets"]["schema"]["fields"]) + 1
    model = of(events, "shop.lead_model")["outputs"]
    assert [(each["namespace"], names([each])) for each in model] == [("file", ["lead_model.json"])]
    (sessions,) = of(events, "shop.stg_sessions")["inputs"]
    assert sessions["name"] == str(tmp_path / "raw/sessions")


def test_a_job_is_told_as_what_runs_the_build(tmp_path):
    files = {
        "models/a.sql": "select 1 as x",
        "jobs.yml": "jobs: [{name: nightly}]\n",
        "sqlpipes.yml": SHOP["sqlpipes.yml"],
    }
    project = load(str(write(tmp_path, files)))
    assert run_job(How(str(tmp_path)), project, "nightly").ok
    events = told(tmp_path)
    assert events[0]["job"]["name"] == "shop.job.nightly"
    assert events[1]["job"]["name"] == "shop.a"
    assert events[1]["run"]["facets"]["parent"]["job"]["name"] == "shop.job.nightly"


def test_on_postgres_names_are_those_of_the_server(tmp_path, postgres_url):
    said = (
        f"shop: {{outputs: {{default: {{type: postgres, url: '{postgres_url}', schema: mart}}}}}}"
    )
    files = {
        "models/a.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect 1 as x",
        "models/b.sql": "select x from a",
        "sqlpipes.yml": SHOP["sqlpipes.yml"],
        "profiles.yml": said,
    }
    report = build(load(str(write(tmp_path, files))))
    assert report.ok
    assert report.warnings == ()
    events = told(tmp_path)
    for event in events:
        read_event(event)
    (output,) = of(events, "shop.b")["outputs"]
    at = urlsplit(postgres_url)
    assert output["namespace"] == f"postgres://{at.hostname}:{at.port or 5432}"
    assert output["name"] == f"{at.path.strip('/')}.mart.b"
    assert output["facets"]["schema"]["fields"][0]["type"] == "integer"
    assert ways(output["facets"]["columnLineage"])["x"] == {"a.x": ["DIRECT IDENTITY"]}


def test_parts_that_are_tried_again_are_runs_of_their_own_and_what_others_did_is_none(tmp_path):
    project = load(str(write(tmp_path, {"models/a.sql": "select 1 as x"})))
    at, whole = datetime(2024, 1, 1, tzinfo=UTC), WHOLE
    about = ("r", at, "a", "create table")
    start = StepStarted(*about, "1", "", whole, ("never built",))
    failed = StepFailed(*about, Status.SPLIT, whole, 0.1, ())
    skipped = StepSkipped(*about, whole, f"{BUILT_BY}other")
    story = [RunStarted("r", at, "build", "dev", 1, 0), start, failed, start, skipped]
    telling = Telling(project, Outlet(), lambda known: lambda name: Lineage())
    events = [said for event in story for said in telling(event)]
    assert [each["eventType"] for each in events] == ["START", "START", "FAIL", "START"]
    runs_of = [each["run"]["runId"] for each in events[1:]]
    assert runs_of[0] == runs_of[1]
    assert runs_of[0] != runs_of[2]


def test_a_nominal_time_spans_all_slices():
    found = nominal_time(Partitions.of(Grain.DAY, [(0, 2), (5, 7)]))
    assert found is not None
    assert found["nominalStartTime"].startswith("1970-01-01T")
    assert found["nominalEndTime"].startswith("1970-01-08T")
