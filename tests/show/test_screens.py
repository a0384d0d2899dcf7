"""What the screens look like: widths, folding, plurals, excerpts, rows."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from click import unstyle

from sqlpipes.api import Report
from sqlpipes.core.engine import Rows
from sqlpipes.core.errors import Location, Problem, Severity
from sqlpipes.core.events import CheckFinished, StepFailed, StepFinished, StepSkipped
from sqlpipes.core.graph import Graph
from sqlpipes.core.partitions import WHOLE, Grain, Partitions
from sqlpipes.core.plan import Action, Plan, Reason, Step, Why
from sqlpipes.core.status import Status
from sqlpipes.show.plan import plan_json, plan_text
from sqlpipes.show.problems import problem_text, problems_text
from sqlpipes.show.progress import Lines
from sqlpipes.show.report import nothing_text, report_text
from sqlpipes.show.rows import rows_text

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def step(name: str, why: Why = Why.NEVER_BUILT, detail: str = "", **more) -> Step:
    reasons = more.pop("reasons", (Reason(why, detail, slices=WHOLE),))
    return Step(name, more.pop("action", Action.TABLE), more.pop("slices", WHOLE), reasons, **more)


def lines(plan: Plan, **options) -> list[str]:
    return unstyle(plan_text(plan, "shop", **options)).splitlines()


# ----------------------------------------------------------------------------------------------- plan


def test_columns_are_aligned_and_reasons_stand_below_each_other():
    diff = Reason(Why.SQL_CHANGED, diff=("- a", "+ b"), slices=WHOLE)
    reasons = (diff, Reason(Why.INPUT_NEWER, "x, y", slices=WHOLE))
    plan = Plan((step("orders", reasons=reasons), step("b", action=Action.VIEW)), ("c",))
    assert lines(plan) == [
        "shop: 2 steps, 1 current",
        "  create table  orders  SQL changed",
        "                          - a",
        "                          + b",
        "                        input newer: x, y",
        "  create view   b       never built",
        "  current: c",
    ]


def test_one_long_name_does_not_push_all_others():
    plan = Plan((step("a"), step("n" * 90), step("bb")))
    assert lines(plan)[1] == "  create table  a   never built"
    assert lines(plan)[2] == f"  create table  {'n' * 90}  never built"


def test_a_plan_of_a_thousand_steps_folds_what_is_alike():
    changed = step("changed", reasons=(Reason(Why.SQL_CHANGED, diff=("+ x",), slices=WHOLE),))
    many = tuple(step(f"m{i}", action=Action.VIEW if i % 2 else Action.TABLE) for i in range(1000))
    plan = Plan((*many, changed), tuple(f"c{i}" for i in range(2000)))
    folded = lines(plan, fold=True)
    assert folded[0] == "shop: 1,001 steps, 2,000 current"
    assert [line.split("  never")[0].rstrip() for line in folded[1:3]] == [
        "  create table  m0, m2 and 498 more",
        "  create view   m1, m3 and 498 more",
    ]
    assert "SQL changed" in folded[3]
    assert folded[-1].endswith("c7 and 1,992 more")
    assert len(folded) == 6
    assert len(lines(plan)) == 1004
    assert len(lines(Plan(many[:40]), fold=True)) == 41


def test_slices_are_counted_and_those_of_one_reason_named():
    week = Partitions.of(Grain.DAY, [(0, 7)])
    part = Partitions.of(Grain.DAY, [(0, 1)])
    reasons = (Reason(Why.NEVER_BUILT, slices=week), Reason(Why.LOOKBACK, "1", slices=part))
    said = lines(Plan((step("d", slices=week, reasons=reasons),)))
    assert said[1].endswith("1970-01-01..1970-01-08 (7 slices)  never built")
    assert said[2].endswith("  lookback: 1 (1970-01-01)")
    holes = Partitions.of(Grain.DAY, [(i * 3, i * 3 + 1) for i in range(50)])
    [_, said] = lines(Plan((step("d", slices=holes, reasons=(Reason(Why.FORCED, slices=holes),)),)))
    assert said.endswith("50 runs within 1970-01-01..1970-05-29 (50 slices)  forced")


def test_many_inputs_are_counted():
    detail = ", ".join(f"i{i}" for i in range(9))
    assert lines(Plan((step("m", Why.INPUT_NEWER, detail),)))[1].endswith(
        "input newer: i0, i1, i2 and 6 more"
    )


def test_a_narrow_terminal_cuts_details():
    reasons = (Reason(Why.SETTINGS_CHANGED, "x" * 200, ("+ " + "y" * 200,), WHOLE),)
    plan = Plan((step("orders", reasons=reasons),))
    assert all(len(line) <= 60 for line in lines(plan, width=60))
    assert max(map(len, lines(plan))) > 200


def test_plan_json_holds_everything():
    note = Problem("PLN003", "left out", severity=Severity.WARNING)
    found = plan_json(
        Plan((step("a", after=frozenset("b")),), ("c",), (note,)), {"a": ("select 1",)}
    )
    assert json.loads(json.dumps(found)) == {
        "spared": [],
        "unit_tests": [],
        "steps": [
            {
                "asset": "a",
                "action": "create table",
                "engine": None,
                "slices": "all",
                "slice_count": 1,
                "full": False,
                "after": ["b"],
                "checks": [],
                "reasons": [{"why": "never built", "detail": "", "diff": [], "slices": "all"}],
                "statements": ["select 1"],
            }
        ],
        "current": ["c"],
        "notes": ["PLN003 left out"],
    }


def test_steps_name_their_engine_where_there_are_several():
    said = lines(Plan((step("orders"), step("totals", engine="dw"))))
    assert said[1:] == [
        "  create table  orders  on default  never built",
        "  create table  totals  on dw       never built",
    ]
    (shown,) = plan_json(Plan((step("totals", engine="dw"),)))["steps"]
    assert shown["engine"] == "dw"
    assert "on default" not in lines(Plan((step("orders"),)))[1]


# -------------------------------------------------------------------------------------------- problems


@pytest.mark.parametrize(
    ("text", "at", "under"),
    [
        ("select x", Location("q.sql", 1, 8), ("   1 | select x", "     |        ^")),
        ("a\n\tb", Location("q.sql", 2, 2, 9), ("   2 |  b", "     |  ^")),
        ("表 x", Location("q.sql", 1, 3), ("   1 | 表 x", "     |    ^")),
        ("\ufeffselect x", Location("q.sql", 1, 8), ("   1 | select x", "     |        ^")),
    ],
)
def test_the_caret_stands_under_the_place(tmp_path, text, at, under):
    (tmp_path / "q.sql").write_text(text, encoding="utf-8")
    said = unstyle(problem_text(Problem("X", "no", at), str(tmp_path))).splitlines()
    assert tuple(said[1:]) == under


def test_a_long_line_is_shown_around_the_place(tmp_path):
    (tmp_path / "q.sql").write_text("x" * 500 + "HERE" + "y" * 500)
    said = unstyle(problem_text(Problem("X", "no", Location("q.sql", 1, 501, 4)), str(tmp_path)))
    shown, caret = said.splitlines()[1:]
    assert len(shown) <= 110
    assert shown[caret.index("^") : caret.index("^") + 4] == "HERE"


@pytest.mark.parametrize(
    "at", [Location("gone.sql", 1), Location("q.sql", 99), Location("q.sql", 1, 99)]
)
def test_a_place_that_is_not_there_is_told_without_an_excerpt(tmp_path, at):
    (tmp_path / "q.sql").write_text("select 1")
    assert "\n" not in problem_text(Problem("X", "no", at), str(tmp_path))


def test_problems_of_a_flag_are_shown_in_its_value_and_hints_keep_their_lines():
    problem = Problem("SEL001", "nothing", Location("--select", 2, 1, 3), "one\ntwo")
    said = unstyle(problems_text([problem, problem], ".", {"--select": "a\nxyz"}))
    block = "--select:2:1: SEL001 nothing\n   2 | xyz\n     | ^^^\n  hint: one\n        two"
    assert said == f"{block}\n\n{block}"


# ------------------------------------------------------------------------------------ report, progress


def finished(name: str, **more) -> StepFinished:
    said = {"status": Status.SUCCESS, "rows": 1200, **more}
    return StepFinished(
        "r",
        NOW,
        name,
        Action.TABLE,
        version="",
        checks_version="",
        slices=WHOLE,
        seconds=1.5,
        **said,
    )


def failed(name: str, status: Status, *problems: Problem) -> StepFailed:
    return StepFailed("r", NOW, name, Action.TABLE, status, WHOLE, 0.1, problems)


def check(name: str, asset: str, status: Status, failures: int = 0, *rows: tuple) -> CheckFinished:
    return CheckFinished("r", NOW, asset, name, status, failures, 0.1, "", ("day", "x"), rows)


def report(*events, steps: tuple[Step, ...] = (), status: Status = Status.SUCCESS) -> str:
    found = Report("r", Plan(steps), events, status, 2.0)
    return unstyle(report_text(found, Graph({}, {}, ()), "."))


def test_totals_are_counted_in_words():
    events = [finished("a"), finished("b"), check("c", "a", Status.SUCCESS)]
    assert report(*events) == "2 done, 1 check passed  in 2.00s"
    events.append(check("d", "a", Status.SUCCESS))
    assert "2 checks passed" in report(*events)


def test_a_failed_check_shows_its_rows_once():
    problem = Problem("CHK010", "check 'c' found 9 bad rows", hint="for example x=1")
    gate = step("a", checks=("c",))
    rows = [(date(2024, 1, i), None) for i in (1, 2, 3, 4)]
    said = report(
        check("c", "other", Status.FAIL, 9, *rows),
        failed("a", Status.FAIL, problem),
        steps=(gate,),
        status=Status.FAIL,
    )
    assert said.splitlines()[:5] == [
        "CHK010 check 'c' found 9 bad rows",
        "       day=2024-01-01, x=NULL",
        "       day=2024-01-02, x=NULL",
        "       day=2024-01-03, x=NULL",
        "       and 6 more",
    ]
    assert "1 failed, 1 check failed" in said
    assert "sqlpipes retry" in said


def test_what_was_stopped_is_counted_and_not_explained():
    stopped = failed("a", Status.CANCELLED, Problem("BLD007", "stopped"))
    skipped = StepSkipped("r", NOW, "b", Action.TABLE, WHOLE, "cancelled")
    said = report(stopped, skipped, status=Status.CANCELLED)
    assert said.startswith("1 stopped, 1 skipped  in")
    assert "BLD007" not in said


def test_nothing_to_do():
    assert nothing_text(Plan((), ("a",))) == "nothing to do: 1 asset current"
    assert nothing_text(Plan((), ("a", "b"))) == "nothing to do: 2 assets current"
    assert nothing_text(Plan(()), checks=True) == "no checks to run"


def test_one_line_a_step_as_it_ends():
    told: list[str] = []
    view = Lines(lambda line: told.append(unstyle(line)))
    view.plan(Plan((step("a", checks=("c", "d")), step("long_name"), step("z"))))
    for event in [
        check("c", "a", Status.SUCCESS),
        check("d", "other", Status.WARN),
        finished("a", status=Status.WARN),
        failed("long_name", Status.ERROR, Problem("X", "first line\nsecond")),
        StepSkipped("r", NOW, "z", Action.VIEW, WHOLE, "long_name"),
    ]:
        view.event(event)
    assert told == [
        "1/3  warn  create table  a              1,200 rows     1.50s  1 check passed  1 warned",
        "2/3  error create table  long_name  first line",
        "3/3  skip  create view   z          because of long_name",
    ]


# ------------------------------------------------------------------------------------------------ rows

FOUND = Rows(
    ("id", "name", "amount"),
    ("INTEGER", "VARCHAR", "DOUBLE"),
    ((1, "a\nb", 0.1), (20, None, 1234567.891), (3, "x" * 60, None)),
)


def test_rows_as_a_table():
    head, rule, *body = unstyle(rows_text(FOUND, "table")).splitlines()
    assert head.split() == ["id", "name", "amount"]
    assert rule.startswith("--  ----")
    assert body[0].startswith(" 1  a b ")
    assert "NULL" in body[1]
    assert "1,234,567.89" in body[1]
    assert "x~" in body[2]
    assert len({line.rindex(" ") for line in body}) >= 1


def test_rows_as_csv_and_json():
    assert rows_text(replace(FOUND, rows=((1, "a,b", None),)), "csv") == 'id,name,amount\n1,"a,b",'
    assert json.loads(rows_text(FOUND, "json"))[1] == {
        "id": 20,
        "name": None,
        "amount": 1234567.891,
    }


def test_a_table_without_rows_shows_its_columns():
    assert (
        unstyle(rows_text(replace(FOUND, rows=()), "table")).splitlines()[0] == "id  name  amount"
    )
