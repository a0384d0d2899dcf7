"""Sensors through real ticks: cursors, keys, faults, and what is kept of a call."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from api.automated import Shop, at

import sqlpipes
from sqlpipes.api import reset_sensor, run_sensor, sensors
from sqlpipes.api.project import open_store_of
from sqlpipes.api.queue import How
from sqlpipes.api.ticking import Ticked, tick
from sqlpipes.core.errors import ProjectError
from sqlpipes.core.sensor import Outcome, SensorState

MODELS = {
    "models/got.sql": "/*\n---\nmaterialized: incremental\nstrategy: append\n"
    "unique_key: []\n---\n*/\nselect '{{ var('file', 'none') }}' as file\n",
    "jobs.yml": "jobs:\n  - name: nightly\n    select: [names]\n",
    "models/names.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect '{{ var('file', 'none') }}' as f\n",
}
HEAD = "from pathlib import Path\n\nfrom sqlpipes import Run, Skip, sensor\n\n\n"
FILES = (
    HEAD + "@sensor(job='nightly', every='5m')\ndef new_files(context):\n"
    "    names = sorted(p.name for p in Path(context.path('in')).glob('*'))\n"
    "    new = [n for n in names if n > (context.cursor or '')]\n"
    "    if not new:\n        return Skip('nothing new')\n"
    "    context.cursor = new[-1]\n"
    "    return [Run(key=n, vars={'file': n}) for n in new]\n"
)


def shop_with(tmp_path: Path, python: str) -> Shop:
    models = {k: v for k, v in MODELS.items() if "got" not in k}
    (tmp_path / "in").mkdir()
    return Shop(tmp_path, {**models, "models/watch.py": python})


def ticked(shop: Shop) -> Ticked:
    return tick(How(str(shop.root)), shop.project(), clock=lambda: shop.now)


def state(shop: Shop, name: str = "new_files") -> SensorState:
    return next(each.state for each in sensors(shop.project()) if each.sensor.name == name)


def test_each_new_file_is_built_once(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, FILES)
    assert ticked(shop).outcomes == ()
    assert (state(shop).outcome, state(shop).message) == (Outcome.SKIPPED, "nothing new")
    (tmp_path / "in" / "a.csv").touch()
    assert ticked(shop).outcomes == ()  # it was called less than five minutes ago
    shop.now = at("2024-01-04 12:05")
    found = ticked(shop)
    assert [(o.job, o.request.key, o.ok) for o in found.outcomes] == [
        ("nightly", "new_files:a.csv", True)
    ]
    assert shop.sql("select f from names") == [("a.csv",)]
    assert state(shop).cursor == "a.csv"
    shop.now = at("2024-01-04 12:10")
    assert ticked(shop).outcomes == ()


def test_a_key_is_asked_for_once_for_ever(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, FILES)
    (tmp_path / "in" / "a.csv").touch()
    assert len(ticked(shop).outcomes) == 1
    reset_sensor(shop.project(), "new_files")
    tried = run_sensor(shop.project(), "new_files", now=shop.now)
    assert (tried.requests, tried.known) == ((), ("a.csv",))
    assert ticked(shop).outcomes == ()
    reset_sensor(shop.project(), "new_files", keys=True)
    assert [r.key for r in run_sensor(shop.project(), "new_files").requests] == ["new_files:a.csv"]


def test_a_dry_run_keeps_nothing(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, FILES)
    (tmp_path / "in" / "a.csv").touch()
    tried = run_sensor(shop.project(), "new_files", dry_run=True, cursor="A")
    assert [each.vars for each in tried.requests] == [{"file": "a.csv"}]
    assert state(shop) == SensorState()
    assert tick(How(str(tmp_path)), shop.project(), dry_run=True).asked == ()


FAULTS = {
    "return 1 / 0": ("BLD005", 8, "ZeroDivisionError"),
    "return 'a'": ("SEN006", 7, "neither Run"),
    "return [Run(key=5)]": ("SEN006", 7, "key is 5"),
    "return [Run(vars={'a': object()})]": ("SEN006", 7, "vars"),
    "context.cursor = {1, 2}": ("SEN006", 7, "cursor"),
    "context.cursor = {1: 2}": ("SEN006", 7, "cursor"),
    "import sys; sys.exit(3)": ("BLD005", 8, "SystemExit"),
    "import time; time.sleep(3)": ("SEN004", 7, "within 0.2s"),
}


@pytest.mark.parametrize("body", FAULTS)
def test_a_fault_keeps_the_cursor_and_is_told(tmp_path: Path, body: str) -> None:
    python = HEAD + (
        "@sensor(select='names', timeout_s=0.2, every='1s')\ndef odd(context):\n"
        f"    context.cursor = 1; print('here'); {body}\n"
    )
    shop = shop_with(tmp_path, python)
    found = ticked(shop)
    code, line, text = FAULTS[body]
    (sick,) = found.sick
    problem = sick.state.problems[0]
    assert (problem.code, problem.at.line if problem.at else 0) == (code, line)
    assert text in problem.message
    assert not found.ok
    assert (state(shop, "odd").cursor, state(shop, "odd").log) == (None, "here\n")
    shop.now = at("2024-01-04 12:01")
    assert not ticked(shop).sick[0].is_news


def test_a_generator_that_dies_asks_for_nothing(tmp_path: Path) -> None:
    python = HEAD + (
        "@sensor(select='names')\ndef odd(context):\n    yield Run(key='a')\n"
        "    context.cursor = 5\n    raise ValueError('no')\n"
    )
    shop = shop_with(tmp_path, python)
    assert ticked(shop).outcomes == ()
    assert state(shop, "odd").cursor is None


def test_what_was_kept_before_a_crash_is_built_after_it(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, FILES)
    (tmp_path / "in" / "a.csv").touch()
    project = shop.project()
    with closing(open_store_of(project)) as store:
        from sqlpipes.api.sensing import sensed

        assert len(sensed(project, store, shop.now)) == 1  # and the process dies before the queue
    assert [o.request.key for o in ticked(shop).outcomes] == ["new_files:a.csv"]


def test_of_two_calls_at_once_one_counts(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, FILES)
    (tmp_path / "in" / "a.csv").touch()
    command = [sys.executable, "-m", "sqlpipes", "tick", "--project-dir", str(tmp_path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [each.communicate()[0] for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    with closing(open_store_of(shop.project())) as store:
        runs = store.jobs().runs("nightly")
    assert [(run.request.key, str(run.status)) for run in runs] == [("new_files:a.csv", "success")]


BAD = {
    "@sensor()": "PYT001",
    "@sensor(job='nightly', select='a')": "PYT001",
    "@sensor(job='nightly', every='often')": "PYT001",
    "@sensor(job='nigthly')": "SEN003",
    "@sensor(select='nmaes')": "SEL001",
}


@pytest.mark.parametrize("decorator", BAD)
def test_a_wrong_sensor_is_told_at_its_line(tmp_path: Path, decorator: str) -> None:
    shop = shop_with(tmp_path, HEAD + f"{decorator}\ndef odd(context):\n    return None\n")
    found = sqlpipes.load(str(shop.root), environ={}).errors
    assert [problem.code for problem in found] == [BAD[decorator]]
    assert found[0].at is not None
    assert found[0].at.file == "models/watch.py"
    assert found[0].at.line in (6, 7)


def test_names_that_are_wrong(tmp_path: Path) -> None:
    shop = shop_with(tmp_path, FILES)
    with pytest.raises(ProjectError) as fault:
        run_sensor(shop.project(), "new_file")
    assert fault.value.problems[0].hint == "did you mean 'new_files'?"


def test_a_sensor_without_parameters_and_one_that_nobody_can_call(tmp_path: Path) -> None:
    python = HEAD + (
        "@sensor(select='names')\ndef always():\n    return Run(key='x')\n\n\n"
        "@sensor(select='names')\ndef odd(context, api):\n    return None\n"
    )
    shop = shop_with(tmp_path, python)
    (warning,) = shop.project().warnings
    assert (warning.code, warning.at and warning.at.line) == ("SEN005", 12)
    found = ticked(shop)
    assert [o.request.key for o in found.outcomes] == ["always:x"]
    assert [sick.state.problems[0].code for sick in found.sick] == ["SEN005"]


def test_the_context_is_easy_to_make_in_a_test() -> None:
    from sqlpipes import Look, Run, sensor

    @sensor(select="orders")
    def counting(context: Any) -> Run:
        context.cursor = (context.cursor or 0) + 1
        return Run(key=str(context.cursor))

    look = Look("counting", cursor=4)
    assert counting(look) == Run(key="5")
    assert look.cursor == 5
