"""A source that is files is read by its name: in queries, inside of ephemeral ones, and by functions."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlpipes import Ask, build, load
from sqlpipes.api import Project, rows

SOURCES = """
sources:
  - name: partner
    tables:
      - name: ratings
        files: partner/*.csv
"""
MODELS = {
    "models/qualified.sql": "select ratings.category, r.rating from partner.ratings, partner.ratings r\n"
    "where ratings.category = r.category\n",
    "models/inner_one.sql": "/*\n---\nmaterialized: ephemeral\n---\n*/\n"
    "select category, max(rating) as rating from partner.ratings -- all of them\n"
    "group by all",
    "models/outer_one.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect * from inner_one",
    "models/counted.py": "from sqlpipes import asset\n\n\n@asset(deps=['partner.ratings'])\n"
    "def counted(context):\n"
    "    return context.sql('select count(*) as n, count(stars) as s from partner.ratings')\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    files = {
        "models/sources.yml": SOURCES,
        **MODELS,
        "partner/a b.csv": "category,rating\nbooks,4\n",
    }
    files["partner/it's.csv"] = "category,rating,stars\ntoys,3,5\n"
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


def table(project: Project, name: str) -> list[tuple[object, ...]]:
    return sorted(rows(project, name).rows)


def test_files_are_read_by_the_name_of_their_source(root: Path) -> None:
    project = load(str(root))
    assert build(project).ok
    assert table(project, "qualified") == [("books", 4), ("toys", 3)]
    assert table(project, "outer_one") == [("books", 4), ("toys", 3)]
    assert table(project, "counted") == [(2, 1)]


def test_what_reads_the_name_is_stale_when_a_file_comes(root: Path) -> None:
    build(load(str(root)))
    (root / "partner" / "c.csv").write_text("category,rating\ngarden,2\n")
    done = build(load(str(root)), Ask(select=("outer_one",)))
    assert {step.asset for step in done.finished} == {"partner.ratings", "outer_one"}
    assert ("garden", 2) in table(load(str(root)), "outer_one")
