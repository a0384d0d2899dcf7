"""A NUL in rows that land in Postgres is told where it stands; hooks are told where they are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from places import Place
from servers.postgres import empty_postgres

import sqlpipes
from sqlpipes.core.errors import Problem


@pytest.fixture
def shop(tmp_path: Path, postgres_database: str) -> Path:
    empty_postgres(postgres_database)
    Place("postgres", postgres_database).prepare(tmp_path)
    (tmp_path / "sqlpipes.yml").write_text("name: shop\n")
    (tmp_path / "seeds").mkdir()
    (tmp_path / "models").mkdir()
    return tmp_path


def problem(shop: Path) -> Problem:
    (failed,) = sqlpipes.build(sqlpipes.load(str(shop), environ={})).failed
    (found,) = failed.problems
    return found


@pytest.mark.parametrize(
    ("name", "text", "place", "row"),
    [
        ("s.csv", "id,näme\n1,a\n2,é\0c\n", "seeds/s.csv:3:4", 2),
        ("s.csv", 'id,näme\n1,"a\nb"\n2,"é\0c"\n', "seeds/s.csv:4:5", 2),
        ("s.csv", "id;when;näme\n1;2024-01-01;\0\n", "seeds/s.csv:2:14", 1),
        ("s.json", '{"id": 1, "näme": "a\\u0000"}\n', "seeds/s.json:1:21", 1),
    ],
)
def test_a_nul_in_a_seed_is_told_by_line_and_column(shop, name, text, place, row):
    (shop / "seeds" / name).write_text(text)
    found = problem(shop)
    assert (found.code, str(found.at)) == ("ENG069", place)
    assert (
        found.message
        == f"row {row} has a NUL in its column 'näme', which Postgres' texts cannot hold"
    )


def test_a_nul_that_a_function_returns_is_told_by_row_and_column(shop):
    (shop / "models" / "p.py").write_text(
        "from sqlpipes import asset\n\n@asset\ndef p():\n"
        "    return [{'x': 1, 'it''s': 'a'}, {'x': 2, 'it''s': 'b\\0c'}]\n"
    )
    found = problem(shop)
    assert (found.code, str(found.at)) == ("ENG069", "models/p.py:4:5")
    assert found.message.startswith("row 2 has a NUL in its column 'its'")


@pytest.mark.parametrize(
    ("hooks", "code", "line", "column"),
    [
        ("before: [select 1, commit]", "BLD011", 4, 20),
        ("after: {sql: rollback}", "BLD011", 4, 14),
        ("before: [select 1, 'select * from nowhere']", "ENG004", 4, 20),
    ],
)
def test_a_hook_is_told_at_its_own_words(shop, hooks, code, line, column):
    text = f"/*\n---\nmaterialized: table\n{hooks}\n---\n*/\nselect 1 as x\n"
    (shop / "models" / "a.sql").write_text(text)
    found = problem(shop)
    assert (found.code, str(found.at)) == (code, f"models/a.sql:{line}:{column}")


def test_a_hook_of_a_seed_is_told_in_its_yaml(shop):
    (shop / "seeds" / "s.csv").write_text("id,name\n1,a\n")
    (shop / "seeds" / "s.yml").write_text("seeds:\n  - name: s\n    config:\n      after: commit\n")
    found = problem(shop)
    assert (found.code, str(found.at)) == ("BLD011", "seeds/s.yml:4:14")
