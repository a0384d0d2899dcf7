"""A file appears whole or not at all, and others may read it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sqlpipes.api.whole_files import write_whole


def test_it_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text in ("old", "né\n"):
        write_whole(str(path), text)
        assert path.read_text(encoding="utf-8") == text
    assert os.listdir(tmp_path) == ["a.json"]


@pytest.mark.skipif(os.name != "posix", reason="rights of POSIX")
def test_it_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    write_whole(str(tmp_path / "a"), "x")
    (tmp_path / "b").write_text("x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_what_cannot_be_written_leaves_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        write_whole(str(tmp_path / "folder"), "x")
    with pytest.raises(UnicodeEncodeError):
        write_whole(str(tmp_path / "a"), "\ud800")
    assert os.listdir(tmp_path) == ["folder"]
