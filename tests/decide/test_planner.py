"""What is planned and why, on graphs and histories made by hand: no warehouse, no files, no clock."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest

from sqlpipes.core.asset import (
    Asset,
    Check,
    Kind,
    Materialized,
    PythonBody,
    SeedBody,
    SourceBody,
    SqlBody,
)
from sqlpipes.core.errors import Location, ProjectError
from sqlpipes.core.graph import Graph, link
from sqlpipes.core.history import Built, History, Past
from sqlpipes.core.partitions import WHOLE, Grain, Partitioning, Partitions, parse_partitions
from sqlpipes.core.plan import Action, Plan, Why
from sqlpipes.core.reads import Mapped, Reads
from sqlpipes.core.sql import analyse
from sqlpipes.core.sql.relation import Relation
from sqlpipes.decide.planner import Observed, Wish, definition_of, make_plan

NOW = datetime(2024, 1, 11)
FIRST = Grain.DAY.ordinal(datetime(2024, 1, 1))
BY_DAY = Partitioning("day", Grain.DAY, FIRST)


def model(name: str, sql: str = "select 1 as x", **more) -> Asset:
    at = Location(f"models/{name}.sql")
    said = {
        "materialized": Materialized.TABLE,
        "relation": Relation(name, "main"),
        "body": SqlBody(sql, analyse(sql, "duckdb", at=at).references),
        "version": "body.settings",
        "at": at,
        "path": at.file,
    }
    return Asset(name=name, kind=Kind.SQL, **(said | more))


def view(name: str, sql: str = "select 1 as x", **more) -> Asset:
    return model(name, sql, materialized=Materialized.VIEW, **more)


def inline(name: str, sql: str, **more) -> Asset:
    return model(name, sql, materialized=Materialized.EPHEMERAL, relation=None, **more)


def seed(name: str, **more) -> Asset:
    return replace(model(name), kind=Kind.SEED, body=SeedBody(f"/{name}.csv", "csv"), **more)


def python(name: str, **more) -> Asset:
    body = PythonBody(name, (), False, lambda: print)
    return replace(model(name), kind=Kind.PYTHON, body=body, **more)


def source(name: str) -> Asset:
    found = model(name, materialized=Materialized.EXTERNAL)
    return replace(found, kind=Kind.SOURCE, body=SourceBody())


def not_null(asset: str, **more) -> Check:
    return Check(f"{asset}.not_null", asset, "not_null", **more)


def linked(*assets: Asset, checks: tuple[Check, ...] = ()) -> Graph:
    graph, problems = link(assets, checks)
    assert not [p for p in problems if p.is_error], problems
    return graph


def all_built(graph: Graph, **changes: Past) -> History:
    """Every asset built one after the other, with its checks, just as it is now."""
    pasts: dict[str, Past] = {}
    tick = 0
    for name in graph.order:
        asset = graph.assets[name]
        slices = WHOLE if asset.partition is None else asset.partition.wanted(NOW)
        built = Built(slices, graph.version(name), tick + 1, tick + 2)
        past = Past().add(built).checked(graph.checks_version(name), tick + 1)
        pasts[name] = replace(past, token="as it was") if asset.kind is Kind.SOURCE else past
        tick += 2
    return History({**pasts, **changes}, tick)


def plan(graph: Graph, history: History | None = None, *names: str, **wish) -> Plan:
    definitions = wish.pop("definitions", {})
    observed = wish.pop("observed", Observed())
    wanted = Wish(frozenset(names or graph.order), **wish)
    history = all_built(graph) if history is None else history
    return make_plan(graph, history, wanted, observed, NOW, definitions)


def reasons(found: Plan) -> dict[str, list[str]]:
    return {step.asset: [str(reason) for reason in step.reasons] for step in found.steps}


def changed(graph: Graph, name: str, version: str) -> Graph:
    """The same graph with another version of one asset."""
    return linked(
        *(replace(a, version=version) if a.name == name else a for a in graph.assets.values()),
        checks=tuple(graph.checks.values()),
    )


def touched(history: History, name: str) -> History:
    """Written once more just now, by somebody who built only this."""
    past = history.of(name)
    again = replace(past.built[-1], read_at=history.tick + 1, written_at=history.tick + 2)
    return history.with_past(name, past.add(again))


CHAIN = linked(seed("raw"), view("stg", "select * from raw"), model("mart", "select * from stg"))


# ------------------------------------------------------------------------------------ why it is there


def test_nothing_is_planned_straight_after_a_full_build():
    found = plan(CHAIN)
    assert found.steps == ()
    assert found.current == ("raw", "stg", "mart")


def test_never_built_is_said_alone_and_steps_wait_for_their_inputs():
    found = plan(CHAIN, History())
    assert reasons(found) == {name: ["never built"] for name in ("raw", "stg", "mart")}
    assert [step.action for step in found.steps] == [Action.SEED, Action.VIEW, Action.TABLE]
    assert [sorted(step.after) for step in found.steps] == [[], ["raw"], ["stg"]]


@pytest.mark.parametrize(
    ("asset", "version", "said"),
    [
        (model("a"), "new.settings", ["SQL changed"]),
        (model("a"), "body.new", ["config changed"]),
        (model("a"), "new.new", ["SQL changed", "config changed"]),
        (seed("a"), "new.settings", ["seed changed"]),
        (python("a"), "new.settings", ["code changed"]),
        (python("a"), "new.new", ["code changed", "config changed"]),
    ],
)
def test_a_version_says_what_changed(asset, version, said):
    graph = linked(asset)
    assert reasons(plan(changed(graph, "a", version), all_built(graph))) == {"a": said}


def test_a_newer_input_is_named_and_passed_on():
    found = plan(CHAIN, touched(all_built(CHAIN), "raw"))
    assert reasons(found) == {"stg": ["input newer: raw"], "mart": ["input newer: stg"]}


def test_newer_inputs_are_one_reason():
    graph = linked(seed("a"), seed("b"), seed("c"), model("m", "select * from a, b, c"))
    history = touched(touched(all_built(graph), "a"), "c")
    assert reasons(plan(graph, history)) == {"m": ["input newer: a, c"]}


def test_a_view_passes_a_change_on_although_it_is_not_built_itself():
    history = touched(all_built(CHAIN), "raw")
    assert reasons(plan(CHAIN, history, "mart")) == {"mart": ["input newer: raw"]}


def test_what_is_behind_an_ephemeral_input_is_named():
    graph = linked(
        seed("raw"), inline("e", "select * from raw"), model("m", "select * from e, raw")
    )
    history = touched(all_built(graph), "raw")
    assert reasons(plan(graph, history)) == {"m": ["input newer: raw"]}
    assert plan(graph).current == ("raw", "m")


def test_a_declared_as_of_build_input_reopens_nothing():
    graph = linked(
        seed("raw"),
        model("m", "select * from raw", mappings={"raw": Reads(Mapped.AS_OF_BUILD)}),
    )
    assert plan(graph, touched(all_built(graph), "raw")).steps == ()


@pytest.mark.parametrize(
    ("token", "said"),
    [
        ("as it was", {}),
        ("other", {"src": ["source changed"], "m": ["input newer: src"]}),
        (
            None,
            {
                "src": ["cannot be proven current: its content cannot be compared"],
                "m": ["input newer: src"],
            },
        ),
    ],
)
def test_a_source_is_compared_by_its_token(token, said):
    graph = linked(source("src"), model("m", "select * from src"))
    found = plan(graph, None, observed=Observed({"src": token}))
    assert reasons(found) == said


def test_a_source_that_nobody_could_look_at_is_not_called_current():
    graph = linked(source("src"), model("m", "select * from src"))
    found = plan(graph, History(), observed=Observed(existing=frozenset()))
    assert (reasons(found), found.current) == ({"m": ["never built"]}, ())


def test_a_source_that_is_only_looked_at_for_its_readers_gets_no_checks():
    graph = linked(source("src"), model("m", "select * from src"), checks=(not_null("src"),))
    found = plan(graph, None, "m", observe=frozenset({"src"}), observed=Observed({"src": "other"}))
    assert [(step.asset, step.action, step.checks) for step in found.steps] == [
        ("src", Action.OBSERVE, ()),
        ("m", Action.TABLE, ()),
    ]


def test_a_relation_that_is_gone_is_built_again():
    found = plan(CHAIN, None, observed=Observed(existing=frozenset({"raw", "stg"})))
    assert reasons(found) == {"mart": [f"{Why.GONE}: main.mart"]}


def test_a_file_that_is_gone_is_written_again():
    graph = linked(python("f", materialized=Materialized.FILE, relation=None))
    history = all_built(graph)
    history = history.with_past("f", replace(history.of("f"), relation="out/x.bin"))
    found = plan(graph, history, observed=Observed(gone_files=frozenset({"f"})))
    assert reasons(found) == {"f": [f"{Why.GONE}: out/x.bin"]}


def test_a_relation_without_a_record_says_so():
    found = plan(linked(model("a")), History(), observed=Observed(existing=frozenset({"a"})))
    assert "no record of it, though main.a exists" in reasons(found)["a"][0]


def test_an_interrupted_step_is_in_doubt():
    graph = linked(model("a"))
    history = all_built(graph)
    history = history.with_past("a", replace(history.of("a"), suspect=WHOLE))
    assert reasons(plan(graph, history)) == {"a": ["interrupted last time"]}


def test_what_was_built_empty_is_built_and_only_that_is_said():
    built = Built(WHOLE, "body.settings-empty", 1, 2)
    history = History({name: Past().add(built) for name in CHAIN.order}, 2)
    assert reasons(plan(CHAIN, history)) == {name: ["was built empty"] for name in CHAIN.order}


def test_built_empty_and_changed_since_says_both():
    history = History({"a": Past().add(Built(WHOLE, "old.settings-empty", 1, 2))}, 2)
    assert reasons(plan(linked(model("a")), history)) == {"a": ["was built empty", "SQL changed"]}


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"force": True}, "forced"),
        ({"full_refresh": True}, "full refresh"),
        ({"empty": True}, "asked for: --empty"),
    ],
)
def test_a_wish_is_a_reason_of_its_own(wish, said):
    assert reasons(plan(CHAIN, None, **wish)) == {name: [said] for name in CHAIN.order}


def test_a_forced_step_still_says_that_its_sql_changed():
    graph = linked(model("a"))
    found = plan(changed(graph, "a", "new.settings"), all_built(graph), force=True)
    assert reasons(found) == {"a": ["forced", "SQL changed"]}


def test_a_query_that_reads_the_clock_is_never_current():
    found = plan(linked(model("a", volatile=("now", "now"))))
    assert reasons(found)["a"][0].startswith("cannot be proven current: reads now;")
    assert plan(linked(view("a", volatile=("now",)))).steps == ()
    assert plan(linked(model("a", volatile=("now",), partition=BY_DAY))).steps == ()


def test_a_table_over_a_view_that_reads_the_clock_is_never_current_either():
    clock, through = view("clock", volatile=("now",)), inline("through", "from clock")
    found = plan(linked(clock, through, model("a", "from through"), model("b", "from a")))
    assert reasons(found)["a"][0].startswith("cannot be proven current: reads now;")
    kept = model("a", "from through", settings={"deterministic": True})
    assert plan(linked(clock, through, kept)).steps == ()


# --------------------------------------------------------------------------------- what changed in it


def definitions(graph: Graph) -> dict[str, str]:
    return {name: json.dumps(definition_of(graph, name), default=str) for name in graph.assets}


def explain(before: Graph, after: Graph, name: str) -> tuple[list[str], tuple[str, ...]]:
    found = plan(after, all_built(before), definitions=definitions(before))
    step = next(step for step in found.steps if step.asset == name)
    return [str(reason) for reason in step.reasons], step.reasons[0].diff


def test_the_lines_that_changed_are_shown():
    before = linked(model("a", "select 1 as x where 1 > 0"))
    after = linked(model("a", "select 1 as x where 1 >= 0", version="new.settings"))
    assert explain(before, after, "a") == (["SQL changed"], ("- where 1 > 0", "+ where 1 >= 0"))


def test_a_change_of_an_inlined_query_is_shown_where_it_is():
    def graph(bound: int, version: str) -> Graph:
        text = f"select 1 as x where 1 > {bound}"
        return linked(
            inline("deep", text, version=version),
            inline("e", "select * from deep"),
            model("m", "select * from e"),
        )

    told = explain(graph(0, "v.s"), graph(5, "w.s"), "m")
    assert told == (["SQL changed: in ephemeral deep"], ("- where 1 > 0", "+ where 1 > 5"))


def test_an_input_that_becomes_ephemeral_is_told():
    before = linked(view("e"), model("m", "select * from e"))
    after = linked(inline("e", "select 1 as x"), model("m", "select * from e"))
    assert explain(before, after, "m")[0][0] == "SQL changed: e is inlined now"
    assert explain(after, before, "m")[0][0] == "SQL changed: e is no longer inlined"


def test_settings_are_told_one_by_one():
    old = model("a", settings={"partition": {"by": "day", "column": "d"}})
    new = view(
        "a",
        settings={"partition": {"by": "week", "column": "d"}, "tags": ["x"]},
        version="body.new",
    )
    [said], _ = explain(linked(old), linked(new), "a")
    assert said == "config changed: materialized: table -> view, partition.by: day -> week"


# --------------------------------------------------------------------------------------------- slices


def days(text: str) -> Partitions:
    return parse_partitions(text, Grain.DAY)


DAILY = linked(seed("raw"), model("d", "select * from raw", partition=BY_DAY))


def one_step(found: Plan, name: str = "d"):
    return next(step for step in found.steps if step.asset == name)


def with_slices(graph: Graph, *parts: tuple[str, str]) -> History:
    """`d` built in several steps: (slices, version)."""
    history = all_built(graph)
    past = Past()
    for tick, (text, version) in enumerate(parts):
        past = past.add(Built(days(text), version, 100 + tick, 200 + tick))
    return replace(history.with_past("d", past), tick=300)


def test_only_missing_slices_are_built():
    history = with_slices(DAILY, ("2024-01-01..2024-01-08", "body.settings"))
    step = one_step(plan(DAILY, history))
    assert str(step.slices) == "2024-01-08..2024-01-11"
    assert not step.full
    assert str(step.reasons[0]) == "never built"


def test_slices_of_one_old_version_are_one_reason_whoever_built_them():
    parts = [(f"2024-01-{day:02}", "old.settings") for day in range(1, 6)]
    history = with_slices(DAILY, *parts, ("2024-01-06..2024-01-11", "body.settings"))
    step = one_step(plan(DAILY, history))
    assert [str(reason) for reason in step.reasons] == ["SQL changed"]
    assert str(step.slices) == "2024-01-01..2024-01-06"
    assert not step.full


def test_partition_narrows_what_is_built():
    step = one_step(plan(DAILY, History(), partitions="2024-01-03..2024-01-05"))
    assert str(step.slices) == "2024-01-03..2024-01-05"
    assert not step.full  # the table may hold more than the state knows of


def test_a_start_that_moves_writes_the_relation_anew():
    later = replace(BY_DAY, start=FIRST + 2)
    moved = linked(
        seed("raw"), model("d", "select * from raw", partition=later, version="body.new")
    )
    history = with_slices(DAILY, ("2024-01-01..2024-01-11", "body.settings"))
    step = one_step(plan(moved, history))
    assert (str(step.slices), step.full) == ("2024-01-03..2024-01-11", True)
    part = with_slices(
        DAILY,
        ("2024-01-01..2024-01-11", "body.settings"),
        ("2024-01-03..2024-01-05", "body.new"),
    )
    step = one_step(plan(moved, part))
    assert (str(step.slices), step.full) == ("2024-01-03..2024-01-11", True)


def test_lookback_opens_the_slices_before_the_newest():
    graph = linked(model("d", partition=replace(BY_DAY, lookback=2)))
    history = with_slices(graph, ("2024-01-01..2024-01-10", "body.settings"))
    step = one_step(plan(graph, history))
    assert str(step.slices) == "2024-01-08..2024-01-11"
    assert [str(reason) for reason in step.reasons] == [
        "never built",
        "lookback: 2 before the newest",
    ]
    assert str(step.reasons[1].slices) == "2024-01-08..2024-01-10"


def test_same_reads_only_the_slices_of_its_window():
    weekly = Partitioning("week", Grain.WEEK, Grain.WEEK.ordinal(datetime(2024, 1, 1)))
    graph = linked(
        model("d", partition=BY_DAY),
        model("w", "select * from d", partition=weekly, mappings={"d": Reads(Mapped.SAME)}),
        model("all_of_it", "select * from d", partition=weekly),
    )
    history = all_built(graph)
    late = history.of("d").add(Built(days("2024-01-09"), "body.settings", 90, 91))
    found = plan(graph, replace(history.with_past("d", late), tick=100))
    assert set(reasons(found)) == {"all_of_it"}  # the week of the 8th has not ended
    late = history.of("d").add(Built(days("2024-01-03"), "body.settings", 90, 91))
    found = plan(graph, replace(history.with_past("d", late), tick=100))
    assert {step.asset: str(step.slices) for step in found.steps} == {
        "w": "2024-01-01",
        "all_of_it": "2024-01-01",
    }


def test_some_slices_are_never_a_reason_to_write_a_table_anew():
    """The state may have been lost, and the table may hold more than it knows of."""
    found = plan(
        DAILY, History(), partitions="2024-01-03", observed=Observed(existing=frozenset("d"))
    )
    assert not one_step(found).full
    assert one_step(plan(DAILY, History())).full


def late(history: History, name: str, slices: str) -> History:
    """Some slices written once more, long after everything else."""
    version = history.of(name).version
    more = history.of(name).add(Built(days(slices), version, 90, 91))
    return replace(history.with_past(name, more), tick=100)


def reader(reads: Reads) -> Graph:
    return linked(
        model("d", partition=BY_DAY),
        model("r", "select * from d", partition=BY_DAY, mappings={"d": reads}),
    )


@pytest.mark.parametrize(
    ("reads", "moved", "stale"),
    [
        (Reads(Mapped.SAME), "2024-01-05", "2024-01-05"),
        (Reads(Mapped.SAME, back=2), "2024-01-05", "2024-01-05..2024-01-08"),
        (Reads(Mapped.SAME, ahead=1), "2024-01-05", "2024-01-04..2024-01-06"),
        (Reads(Mapped.SAME, back=6, ahead=6), "2024-01-01", "2024-01-01..2024-01-08"),
        (Reads(Mapped.LATEST), "2024-01-05", None),
        (Reads(Mapped.LATEST), "2024-01-10", "2024-01-01..2024-01-11"),
        (Reads(Mapped.ALL), "2024-01-05", "2024-01-01..2024-01-11"),
        (Reads(Mapped.AS_OF_BUILD), "2024-01-05", None),
    ],
)
def test_what_is_declared_of_an_input_decides_what_a_late_slice_reopens(reads, moved, stale):
    graph = reader(reads)
    found = plan(graph, late(all_built(graph), "d", moved))
    assert {step.asset: str(step.slices) for step in found.steps} == ({"r": stale} if stale else {})


def test_a_table_without_slices_can_read_the_newest_only():
    graph = linked(
        model("d", partition=BY_DAY),
        model("now", "select * from d", mappings={"d": Reads(Mapped.LATEST)}),
    )
    assert not plan(graph, late(all_built(graph), "d", "2024-01-05")).steps
    assert plan(graph, late(all_built(graph), "d", "2024-01-10")).names == {"now"}


def test_slices_that_are_gone_reopen_all_that_read_by_slice():
    graph = reader(Reads(Mapped.SAME))
    history = all_built(graph)
    short = history.of("d").add(
        Built(days("2024-01-02..2024-01-11"), "body.settings", 90, 91), full=True
    )
    found = plan(graph, replace(history.with_past("d", short), tick=100), "r")
    assert str(one_step(found, "r").slices) == "2024-01-01..2024-01-11"


def test_merged_rows_start_anew_only_when_they_must():
    keyed = model("m", "select * from raw", materialized=Materialized.INCREMENTAL)
    graph = linked(seed("raw"), keyed)
    assert one_step(plan(graph, History()), "m").full
    assert not one_step(plan(graph, touched(all_built(graph), "raw")), "m").full
    assert not one_step(plan(graph, None, force=True), "m").full
    assert one_step(plan(graph, None, full_refresh=True), "m").full
    assert one_step(plan(changed(graph, "m", "new.settings"), all_built(graph)), "m").full


# --------------------------------------------------------------------------------------------- checks


CHECKED = linked(seed("raw"), model("m", "select * from raw"), checks=(not_null("m"),))


def test_checks_gate_the_step_that_builds():
    assert one_step(plan(CHECKED, History()), "m").checks == ("m.not_null",)


def test_a_changed_check_of_a_current_asset_runs_alone():
    stricter = linked(*CHECKED.assets.values(), checks=(not_null("m", where="x > 1"),))
    found = plan(stricter, all_built(CHECKED))
    assert [(s.asset, s.action, s.checks) for s in found.steps] == [
        ("m", Action.CHECK, ("m.not_null",))
    ]
    assert reasons(found) == {"m": ["checks changed"]}


def test_a_dropped_check_is_no_work():
    assert plan(linked(*CHECKED.assets.values()), all_built(CHECKED)).steps == ()


def failed(graph: Graph, name: str) -> History:
    history = all_built(graph)
    return history.with_past(name, replace(history.of(name), failed=True))


def test_a_check_that_failed_is_asked_again():
    assert reasons(plan(CHECKED, failed(CHECKED, "m"))) == {"m": ["check failed last time"]}


def test_a_step_that_is_built_anyway_says_that_its_check_failed():
    again = changed(CHECKED, "m", "new.settings")
    assert reasons(plan(again, failed(CHECKED, "m"))) == {
        "m": ["SQL changed", "check failed last time"]
    }


def test_a_check_runs_again_when_what_it_reads_moves():
    related = Check("related", "m", "relationships", {"to": "other", "field": "x"})
    graph = linked(model("m"), model("other"), checks=(related,))
    history = touched(all_built(graph), "m")
    found = plan(graph, history)
    assert [(s.asset, s.action) for s in found.steps] == [("other", Action.CHECK)]
    assert reasons(found) == {"other": ["input newer: m"]}


def test_test_runs_checks_only_and_only_those_that_are_named():
    both = (not_null("m"), not_null("raw"))
    graph = linked(*CHECKED.assets.values(), checks=both)
    found = plan(graph, None, only_checks=True)
    assert [(s.asset, s.action) for s in found.steps] == [
        ("raw", Action.CHECK),
        ("m", Action.CHECK),
    ]
    found = plan(graph, None, only_checks=True, checks=frozenset({"m.not_null"}))
    assert [step.asset for step in found.steps] == ["m"]
    assert found.current == ()


def test_a_check_whose_other_table_is_not_built_is_left_out_and_that_is_said():
    related = Check("related", "m", "relationships", {"to": "a", "field": "x"})
    graph = linked(model("a"), model("m"), checks=(related, not_null("m")))
    found = plan(graph, History(), "m")
    assert one_step(found, "m").checks == ("m.not_null",)
    [note] = found.notes
    assert (note.code, note.is_error) == ("PLN003", False)
    assert "'related' is left out: a is not built" in note.message


def test_test_of_something_that_is_not_built_is_an_error():
    with pytest.raises(ProjectError) as raised:
        plan(CHECKED, History(), only_checks=True)
    assert [p.code for p in raised.value.problems] == ["PLN003"]


# ------------------------------------------------------------------------------------------- refusals


def refused(*arguments, **wish) -> list[str]:
    with pytest.raises(ProjectError) as raised:
        plan(*arguments, **wish)
    return [f"{p} | {p.hint}" for p in raised.value.problems]


def test_an_input_that_is_not_there_and_not_asked_for_is_refused():
    assert refused(CHAIN, History(), "mart") == [
        "models/mart.sql:1:15: PLN001 'mart' reads 'stg', which is not built and not selected "
        "| select it too: --select +mart"
    ]
    assert plan(CHAIN, History(), "mart", observed=Observed(existing=frozenset({"stg"}))).steps


def test_an_input_that_is_gone_is_refused_as_well():
    observed = Observed(existing=frozenset({"raw", "mart"}))
    assert "PLN001 'mart' reads 'stg'" in refused(CHAIN, None, "mart", observed=observed)[0]


def test_an_input_behind_ephemeral_ones_is_seen():
    graph = linked(
        seed("raw"),
        inline("e", "select * from raw"),
        inline("f", "select * from e"),
        model("m", "select * from f"),
    )
    assert "'m' reads 'raw'" in refused(graph, History(), "m")[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2024-13", "'2024-13' is no date"),
        ("2024-01-05..2024-01-02", "is empty"),
        ("2030-01", "names no slice of d | 'd' has 2024-01-01..2024-01-11"),
    ],
)
def test_a_partition_that_fits_nothing_is_refused(text, said):
    [problem] = refused(DAILY, partitions=text)
    assert problem.startswith("--partition:1:1: PLN002")
    assert said in problem


def test_a_partition_without_a_partitioned_asset_is_refused():
    [problem] = refused(DAILY, None, "raw", partitions="2024-01")
    assert problem.endswith("no selected asset is partitioned | partitioned: d")


def test_all_refusals_are_told_at_once():
    assert len(refused(CHAIN, History(), "stg", "mart", partitions="2024-01")) == 2


# --------------------------------------------------------------------------------- it can be carried out


def test_steps_wait_through_what_is_current():
    graph = linked(
        seed("a"),
        model("b", "select * from a", mappings={"a": Reads(Mapped.AS_OF_BUILD)}),
        model("z", "select * from b"),
    )
    again = changed(changed(graph, "a", "new.settings"), "z", "new.settings")
    found = plan(again, all_built(graph))
    assert [(step.asset, sorted(step.after)) for step in found.steps] == [("a", []), ("z", ["a"])]


def test_a_plan_done_leaves_nothing_to_plan():
    """The planner's own idea of what a step leaves behind agrees with what it asks afterwards."""
    history = all_built(DAILY)
    graph = changed(DAILY, "raw", "new.settings")
    found = plan(graph, history)
    for step in found.steps:
        past = history.of(step.asset)
        built = Built(step.slices, graph.version(step.asset), history.tick + 1, history.tick + 2)
        history = history.with_past(step.asset, past.add(built, full=step.full))
    assert [step.asset for step in found.steps] == ["raw", "d"]
    assert plan(graph, history).steps == ()
