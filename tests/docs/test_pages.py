"""Every example of the README and of docs/ is run, and says what the page says that it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs.pages import ROOT, Outcome, Playground, blocks, commands, matches, pages, steady
from notyet import skip_on_duckdb_1

OTHERWISE = {
    "partitions.md": "errors of casts mark one character",
    "tutorial.md": "rows without an order come in another one",
}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_the_examples_of_a_page_do_what_it_says(page, tmp_path):
    if reason := OTHERWISE.get(page.name):
        skip_on_duckdb_1(reason)
    broken = [
        outcome
        for outcome in Playground(tmp_path).outcomes(page.read_text(encoding="utf-8"))
        if not outcome.as_promised
    ]
    assert not broken, "\n\n".join(_told(page, outcome) for outcome in broken)


def _told(page: Path, outcome: Outcome) -> str:
    return (
        f"{page.relative_to(ROOT)}:{outcome.line}: {outcome.typed}\n"
        f"--- the page says (exit {outcome.wanted})\n{outcome.promised}\n"
        f"--- it says (exit {outcome.code})\n{outcome.said}\n"
        "--- scripts/write_docs.py puts the real output in"
    )


def test_a_page_writes_files_runs_commands_and_compares_what_they_say(tmp_path):
    page = (
        "```sql title=models/one.sql\nselect 1 as x\n```\n"
        "```console\n$ sqlpipes ls\none\n$ sqlpipes ls -s two  # exit 2\n...SEL001...\n...\n```\n"
        "```console\n$ sqlpipes ls\ntwo\n```\n"
        "```python\nfrom pathlib import Path\nprint(Path('models/one.sql').read_text())\n```\n"
        "```text\nselect 1 as x\n```\n"
    )
    good = [outcome.as_promised for outcome in Playground(tmp_path).outcomes(page)]
    assert good == [True, True, False, True]


def test_a_wrong_exit_code_is_not_what_was_promised(tmp_path):
    page = "```console\n$ sqlpipes nonsense\n...\n$ sqlpipes nonsense  # exit 2\n...\n```\n"
    good = [outcome.as_promised for outcome in Playground(tmp_path).outcomes(page)]
    assert good == [False, True]


def test_dots_stand_for_lines_and_for_text():
    assert matches("a\n...\nd", "a\nb\nc\nd")
    assert matches("a\n...\nd", "a\nd")
    assert matches("a ... c", "a b c")
    assert not matches("a\n...\nd", "a\nb\nc")
    assert not matches("a", "a\nb")


def test_seconds_run_ids_instants_and_the_order_of_steps_do_not_count():
    assert matches(
        "1/2  ok    load seed  b   0.10s\n2/2  ok    load seed  a   0.20s\n\nrun 20260101-000000-abcdef",
        "1/2  ok    load seed  a  12.00s\n2/2  ok    load seed  b   0.01s\n\nrun 20261231-235959-fedcba",
    )
    assert steady("at 2026-01-01 10:00:00") == ["at INSTANT"]
    assert not matches("1/1  ok    load seed  a", "1/1  fail  load seed  a")


def test_hidden_files_and_new_projects_are_found():
    found = blocks("<!-- title=a.txt\nx\n-->\n<!-- new project -->\n```yaml\nno: file\n```\n")
    assert [(block.kind, block.title, block.text) for block in found] == [
        ("file", "a.txt", "x\n"),
        ("new", "", ""),
    ]


def test_a_command_keeps_its_line_and_code():
    (block,) = blocks("\n```console\n$ sqlpipes ls\nx\n$ sqlpipes build  # exit 1\n```\n")
    assert [(c.typed, c.code, c.promised, c.line) for c in commands(block)] == [
        ("sqlpipes ls", 0, "x", 3),
        ("sqlpipes build", 1, "", 5),
    ]
