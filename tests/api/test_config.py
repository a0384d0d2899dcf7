"""Run-time config: parameters with a default, from YAML, for one command, and what that means later."""

from __future__ import annotations

import pytest
from cli.projects import ok, run

from sqlpipes.api import Ask, build, load, plan, read_settings, rows
from sqlpipes.core.errors import ProjectError

ORDERS = """
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Literal

from sqlpipes import Out, asset, assets


class Mode(Enum):
    FAST = "fast"
    SLOW = "slow"


@dataclass
class Window:
    start: date
    days: int = 1


@asset
def orders(
    *,
    limit: int = 3,
    rate: float = 1.5,
    since: date | None = None,
    mode: Mode = Mode.FAST,
    kind: Literal["a", "b"] = "a",
    names: list[str] = [],
    window: Window | None = None,
    step=1,
):
    said = [limit, rate, since, mode, kind, names, window, step]
    return [{"n": n, "said": repr(said)} for n in range(limit)]


@assets(outs={"teas": Out(), "mugs": Out()})
def split(orders, context, size: int = 1):
    return {name: [{"size": size}] for name in context.selected}
"""
FILES = {
    "sqlpipes.yml": "name: shop\n",
    "models/orders.py": ORDERS,
    "models/total.sql": "select count(*) as n from orders\n",
}


@pytest.fixture
def shop(tmp_path):
    def write(**more):
        for name, text in {**FILES, **more}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def said(project):
    return rows(project, "orders").rows[0][1]


def steps(planned):
    return {step.asset: [str(reason) for reason in step.reasons] for step in planned.steps}


def refused(project, *flags):
    with pytest.raises(ProjectError) as caught:
        build(project, Ask(config=read_settings(flags)))
    return [(str(p), p.hint) for p in caught.value.problems]


def test_every_type_comes_from_the_command_line(shop):
    project = load(str(shop()))
    flags = [
        "limit=1",
        "rate=2",
        "since=2024-01-31",
        "mode=slow",
        "kind=b",
        "names=[x, y]",
        "step=5",
    ]
    flags.append("window={start: 2024-01-01, days: 2}")
    report = build(project, Ask(config=read_settings([f"orders.{flag}" for flag in flags])))
    assert report.ok
    assert said(project) == (
        "[1, 2.0, datetime.date(2024, 1, 31), <Mode.SLOW: 'slow'>, 'b', ['x', 'y'], "
        "Window(start=datetime.date(2024, 1, 1), days=2), 5]"
    )
    (done,) = (event for event in report.finished if event.asset == "orders")
    assert done.metadata["config"]["since"] == "2024-01-31"


def test_what_was_built_once_with_other_values_is_built_again_by_the_next_plain_build(shop):
    root = shop()
    project = load(str(root))
    assert build(project).ok
    once = Ask(config=read_settings(["orders.limit=1"]))
    assert steps(plan(project, once))["orders"][0] == "forced: --config limit=1"
    assert build(project, once).ok
    assert rows(project, "total").rows == ((1,),)
    later = steps(plan(load(str(root))))
    assert later["orders"] == ["config changed: was built with --config limit=1"]
    assert "total" not in later or later["total"]
    assert build(load(str(root))).ok
    assert rows(project, "total").rows == ((3,),)
    assert not plan(load(str(root))).steps


def test_the_same_values_again_are_forced_and_the_default_is_no_config(shop):
    project = load(str(shop()))
    build(project)
    same = Ask(select=("orders",), config=read_settings(["orders.limit=3"]))
    assert steps(plan(project, same)) == {"orders": ["forced: --config limit=3"]}
    assert build(project, same).ok
    assert "orders" not in steps(plan(project))


def test_build_takes_it_as_a_mapping(shop):
    project = load(str(shop()))
    assert build(project, config={"orders": {"limit": 2}, "teas": {"size": 4}}).ok
    assert rows(project, "total").rows == ((2,),)
    assert rows(project, "mugs").rows == ((4,),), "one function has one value"


def test_yaml_is_part_of_the_version(shop):
    root = shop(
        **{"models/x.yml": "models:\n  - name: orders\n    config: {limit: 2, tags: [a]}\n"}
    )
    project = load(str(root))
    assert project.problems == ()
    assert project.graph.assets["orders"].tags == ("a",)
    assert build(project).ok
    assert rows(project, "total").rows == ((2,),)
    assert not plan(load(str(root))).steps
    (root / "models/x.yml").write_text("models:\n  - name: orders\n    config: {limit: 1}\n")
    assert steps(plan(load(str(root))))["orders"] == ["config changed: config.limit: 2 -> 1"]
    (root / "models/x.yml").unlink()
    assert steps(plan(load(str(root))))["orders"] == ["config changed: config.limit: 2 -> none"]


@pytest.mark.parametrize(
    ("yaml", "place"),
    [
        ("{limt: 2}", "models/x.yml:3:14: RES012 'orders' has no parameter 'limt' to configure"),
        (
            "{limit: many}",
            "models/x.yml:3:21: RES013 'limit' of 'orders' must be a whole number, not a text",
        ),
        (
            "{limit: 2, since: soon}",
            "models/x.yml:3:31: RES013 'since' of 'orders' must be a date such as",
        ),
    ],
)
def test_faults_of_yaml_are_told_when_files_are_read(shop, yaml, place):
    root = shop(**{"models/x.yml": f"models:\n  - name: orders\n    config: {yaml}\n"})
    (problem,) = load(str(root)).problems
    assert str(problem).startswith(place)


def test_faults_of_types_that_only_the_module_knows_are_told_before_anything_runs(shop):
    root = shop(
        **{"models/x.yml": "models:\n  - name: orders\n    config: {mode: fsat, kind: c}\n"}
    )
    project = load(str(root))
    assert [text for text, _ in refused(project)] == [
        "models/x.yml:3:20: RES013 'mode' of 'orders' must be one of fast, slow",
        "models/x.yml:3:32: RES013 'kind' of 'orders' must be one of a, b",
    ]


def test_two_entries_that_differ_are_told_with_both_places(shop):
    entry = "models:\n  - name: orders\n    config: {limit: %d}\n"
    root = shop(**{"models/x.yml": entry % 1, "models/y.yml": entry % 2})
    (problem,) = load(str(root)).problems
    assert problem.code == "CFG003"
    assert {problem.at.file, problem.others[0].file} == {"models/x.yml", "models/y.yml"}


@pytest.mark.parametrize(
    ("flag", "text", "hint"),
    [
        (
            "orders.limt=1",
            "--config:1:13: RES012 'orders' has no parameter 'limt'",
            "did you mean 'limit'?",
        ),
        (
            "order.limit=1",
            "--config:1:13: RES011 there is no asset 'order'",
            "did you mean 'orders'?",
        ),
        ("total.limit=1", "--config:1:13: RES011 'total' takes no config", None),
        (
            "orders.limit=x",
            "--config:1:14: RES013 'limit' of 'orders' must be a whole number",
            None,
        ),
        (
            "orders.limit",
            "--config:1:1: RES011 'orders.limit' configures nothing",
            "--config orders.limit=5",
        ),
        ("orders.names=[", "--config:1:14: RES011 this is not YAML", "--config-file"),
        (
            "orders.window={start: 2024-01-01, dys: 2}",
            "--config:1:15: RES013 'window' of 'orders' has no",
            "'days'",
        ),
    ],
)
def test_a_flag_that_means_nothing_is_told_with_the_nearest_name(shop, flag, text, hint):
    ((said, hinted),) = refused(load(str(shop())), flag)
    assert said.startswith(text)
    assert hint is None or hint in hinted


def test_config_for_what_is_not_chosen_is_refused(shop):
    with pytest.raises(ProjectError, match="RES014"):
        plan(load(str(shop())), Ask(select=("total",), config=read_settings(["orders.limit=1"])))


def test_a_file_of_config_and_flags_above_it(shop):
    root = shop(**{"c.yml": "orders:\n  limit: 1\n  kind: b\n"})
    out = ok(root, "build", "--config-file", str(root / "c.yml"), "--config", "orders.limit=2")
    assert "2 rows" in out
    assert "was built with --config" in ok(root, "plan")
    (root / "c.yml").write_text("orders: 3\n")
    result = run(root, "build", "--config-file", str(root / "c.yml"))
    assert result.exit_code == 2
    assert "RES011 a file of config has a mapping per asset" in result.output
    assert run(root, "build", "--config-file", "nowhere.yml").exit_code == 2


def test_the_flag_is_shown_with_its_place(shop):
    result = run(shop(), "build", "--config", "orders.limit=2", "--config", "orders.kind=c")
    assert result.exit_code == 2
    assert "orders.kind=c\n     |             ^" in result.output


def test_values_for_unit_tests(shop):
    from sqlpipes.testing import run_model

    assert len(run_model("orders", project=str(shop()), config={"limit": 7})) == 7
