"""What comes from data and from a database moves no cursor, and stands in its column."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import click
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.cli import sqlpipes
from sqlpipes.core.engine import Rows
from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.events import OpCall, StepRetrying, StepWaiting
from sqlpipes.core.partitions import WHOLE
from sqlpipes.core.plan import Action, Plan, Reason, Step, Why
from sqlpipes.core.status import Status
from sqlpipes.show.letters import cut, cut_middle, padded, plain, plain_cell, plain_lines, width_of
from sqlpipes.show.plan import plan_text
from sqlpipes.show.problems import problem_text
from sqlpipes.show.progress import Lines
from sqlpipes.show.rows import rows_text
from sqlpipes.show.said import log_lines, op_lines

OURS = re.compile(r"\x1b\[\d+m")  # what click.style writes
BAD = "x\x1b[2Jy\x1b]0;title\x07\x9b31mz\r\u202e"

MODELS = {
    "boom.sql": "/*\n---\nmaterialized: table\n---\n*/\n"
    "select error('x' || chr(27) || '[2Jboom' || chr(27) || ']0;title' || chr(7)) as a\n",
    "esc.sql": "/*\n---\nmaterialized: table\n"
    "checks: [{accepted_values: {column: a, values: [b], severity: warn}}]\n---\n*/\n"
    "select 'a' || chr(27) || '[31mred' || chr(10) || 'b' as a, '日本' as wide, 7 as n\n"
    "union all select 'plain', '😀', 1234\n",
    "parts.sql": "/*\n---\nmaterialized: table\n"
    'partition: {by: values, column: k, values: ["a\\nb", "c\\e[2J", "日本", plain]}\n---\n*/\n'
    "select k from (values ('a' || chr(10) || 'b'), ('日本'), ('plain')) t(k)\n",
    "told.py": "from sqlpipes import asset\n\n@asset\ndef told():\n"
    "    print('\\x1b[32mgreen\\x1b[0m \\x1b[2J bell\\x07')\n    raise ValueError('bad \\x1b[2J')\n",
}


def seen(text: str) -> str:
    """The text without our own colours; nothing else of it may be a control but the ends of lines."""
    left = OURS.sub("", text)
    assert not [letter for letter in left if plain(letter) != letter and letter != "\n"], repr(left)
    return left


def project(root: Path) -> Path:
    (root / "models").mkdir()
    (root / "sqlpipes.yml").write_text("name: shop\n")
    for name, text in MODELS.items():
        (root / "models" / name).write_text(text)
    return root


def run(root: Path, *args: str) -> str:
    """As on a terminal that shows colours."""
    words = [*args, "--project-dir", str(root)]
    return CliRunner().invoke(sqlpipes, words, color=True).output


def test_no_screen_lets_a_control_of_data_or_of_the_database_through(tmp_path: Path) -> None:
    root = project(tmp_path)
    told = seen(run(root, "build"))
    assert r"x\x1b[2Jboom\x1b]0;title\x07" in told
    assert r"a=a\x1b[31mred b" in told
    assert r"green \x1b[2J bell\x07" in told
    assert r"raised ValueError: bad \x1b[2J" in told
    shown = seen(run(root, "show", "esc")).splitlines()
    assert shown[0] == "a               wide     n"
    assert shown[2:] == [r"a\x1b[31mred b  日本     7", "plain           😀    1234"]
    assert r"a\nb" in seen(run(root, "status", "parts"))
    for words in (
        ["status"],
        ["runs", "show"],
        ["plan"],
        ["plan", "-s", "parts", "--force"],
        ["retry"],
    ):
        assert seen(run(root, *words))


def test_json_and_csv_are_to_the_letter(tmp_path: Path) -> None:
    root = project(tmp_path)
    run(root, "build", "-s", "esc")
    assert r"a\u001b[31mred\nb" in run(root, "show", "esc", "--json")
    words = ["show", "esc", "--output", "csv", "--project-dir", str(root)]
    assert "\x1b[31mred" in CliRunner().invoke(sqlpipes, words).stdout


def test_cells_of_wide_letters_stand_in_their_columns() -> None:
    found = Rows(
        ("name", "数"), ("varchar", "int"), (("日本", 1), ("abcd", 22), ("e\u0301", 3), (None, 4))
    )
    lines = seen(rows_text(found, "table")).splitlines()
    assert {width_of(line) for line in lines} == {8}
    assert lines[2:] == ["日本   1", "abcd  22", "e\u0301      3", "NULL   4"]


def test_problems_show_a_file_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.sql").write_text("select '\x1b[2J日本', wrong\n")
    problem = Problem("REF001", BAD, Location("a.sql", 1, 18, 5), hint=f"one\n{BAD}")
    said = seen(problem_text(problem, str(tmp_path)))
    line, caret = (each.partition("| ")[2] for each in said.splitlines()[1:3])
    assert line.startswith(r"select '\x1b[2J日本', wrong")
    assert width_of(line[: line.index("wrong")]) == caret.index("^")
    assert caret.endswith("^^^^^")


def test_lines_of_a_run_and_of_a_log() -> None:
    lines: list[str] = []
    reporter = Lines(lines.append)
    at = datetime(2024, 1, 1, tzinfo=UTC)
    reporter.event(StepWaiting("run", at, f"a{BAD}", "run python", WHOLE, BAD))
    reporter.event(StepRetrying("run", at, f"a{BAD}", "run python", WHOLE, BAD))
    lines += log_lines(f"10%\r20%\n{BAD}", "| ")
    lines += op_lines([OpCall(BAD, Status.ERROR, 1.0, message=BAD)], "")
    assert all(seen(line) for line in lines)
    assert [click.unstyle(line) for line in lines][2:4] == ["| 10%", "| 20%"]


@settings(deadline=None, max_examples=200)
@given(st.text(), st.integers(min_value=2, max_value=30))
def test_a_text_is_cut_and_padded_to_its_room(text: str, room: int) -> None:
    for said in (plain(text), plain_cell(text), *plain_lines(text).split("\n")):
        assert seen(said) == said
        assert "\n" not in said
        assert width_of(cut(said, room)) <= room
        assert width_of(cut_middle(said, room)) <= room
        assert width_of(padded(cut(said, room), room)) == room
    assert plain(plain(text)) == plain(text)


def test_long_names_are_cut_on_a_terminal_and_nowhere_else() -> None:
    name = f"begin_{'x' * 200}_end"
    step = Step(name, Action.TABLE, WHOLE, (Reason(Why.NEVER_BUILT, slices=WHOLE),))
    found = Plan((step,), ())
    on_terminal = click.unstyle(plan_text(found, "shop", width=80)).splitlines()[1]
    assert width_of(on_terminal) <= 80
    assert "begin_x" in on_terminal
    assert "x_end" in on_terminal
    assert name in plan_text(found, "shop")
    told: list[str] = []
    for columns in (80, None):
        reporter = Lines(lambda line: told.append(click.unstyle(line)), columns)
        reporter.plan(found)
        at = datetime(2024, 1, 1, tzinfo=UTC)
        reporter.event(StepWaiting("run", at, name, "create table", WHOLE, "ann"))
    assert width_of(told[0]) <= 80
    assert name in told[1]
