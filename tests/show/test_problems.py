"""Problems as a person reads them."""

from __future__ import annotations

from click import unstyle

from sqlpipes.core.errors import Location, Problem
from sqlpipes.show.problems import problem_text


def test_a_long_line_says_that_it_is_cut_and_control_characters_are_seen(tmp_path):
    text = "select " + "a" * 200 + ", bad\x1b[31m\0 " + "b" * 200
    (tmp_path / "a.sql").write_text(text)
    column = text.index("bad") + 1
    problem = Problem("X001", "no", Location("a.sql", 1, column, 3))
    _, shown, caret = unstyle(problem_text(problem, str(tmp_path))).split("\n")
    line = shown.removeprefix("   1 | ")
    assert line.startswith("...aaa")
    assert line.endswith("bbb...")
    assert len(line) == 100 + len(r"\x1b\x00") - 2
    assert r"bad\x1b[31m\x00 b" in line
    under = caret.removeprefix("     | ")
    assert line[under.index("^") : len(under)] == "bad"
