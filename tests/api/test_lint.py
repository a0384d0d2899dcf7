"""`lint` finds what the warehouse's own parser refuses, although ours forgives it."""

from __future__ import annotations

from pathlib import Path

import pytest

import sqlpipes
from sqlpipes.api import lint

CASES = {
    "two commas": ("select 1 as a,, 2 as b\n", 1, 15),
    "a word twice, below a template": ("-- a\nselect {{ 1 + 1 }} as x\n  from from t\n", 3, 8),
}


@pytest.mark.parametrize("name", CASES)
def test_a_syntax_error_of_the_engine_is_told_at_its_place(name: str, tmp_path: Path) -> None:
    text, line, column = CASES[name]
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.sql").write_text(text)
    found = [p for p in lint(sqlpipes.load(str(tmp_path))) if p.is_error]
    assert [(p.code, p.at.line, p.at.column) for p in found if p.at] == [("SQL001", line, column)]


def test_a_sound_project_has_nothing_to_tell(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "m.sql").write_text("from range(3) select range as n qualify true;\n")
    assert lint(sqlpipes.load(str(tmp_path))) == ()
