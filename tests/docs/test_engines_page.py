"""The table of what falls short says what the marks say."""

from __future__ import annotations

from pathlib import Path

from docs.engines_page import with_shortfalls

PAGE = Path(__file__).resolve().parent.parent.parent / "docs" / "engines.md"


def test_the_page_is_as_the_marks_are() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert with_shortfalls(text) == text, "run python scripts/write_docs.py docs/engines.md"


def test_a_mark_is_a_row(tmp_path: Path) -> None:
    mark = 'from notyet import notyet\n\n@notyet("postgres", "no clouds")\ndef test_x(): ...\n'
    (tmp_path / "test_x.py").write_text(mark)
    text = with_shortfalls("<!-- shortfalls -->\nold\n<!-- /shortfalls -->", tmp_path)
    assert "| postgres | no clouds |\n" in text
    assert "old" not in text
