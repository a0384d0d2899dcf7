"""A schema, an alias or a database that changes: what was built before is told, and rows that are kept move
along."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from cli.projects import ok, write

SHAPES = {
    "snapshot": "/*\n---\nmaterialized: snapshot\nunique_key: id\nstrategy: check\n---\n*/\n",
    "merge": "/*\n---\nmaterialized: incremental\nunique_key: id\n---\n*/\n",
    "append": "/*\n---\nmaterialized: incremental\nstrategy: append\n---\n*/\n",
    "table": "/*\n---\nmaterialized: table\n---\n*/\n",
    "view": "",
    "slices": "/*\n---\npartition: {by: day, column: d, start: 2024-01-01, end: 2024-01-03}\n---\n*/\n",
}
QUERY = (
    "select id, v, d from items\n"
    "{% if is_incremental() %} where id not in (select id from {{ this }}) {% endif %}\n"
)
SEED = "id,v,d\n1,a,2024-01-01\n2,b,2024-01-02\n"
PYTHON = '@asset(materialized="table")\ndef kept(items):\n    return items\n'


def settled(root: Path, schema: str) -> None:
    said = f"name: shop\ndefaults:\n  models/mart: {{schema: {schema}}}\n"
    (root / "sqlpipes.yml").write_text(said)


def project(root: Path, shape: str) -> Path:
    query = QUERY if shape == "append" else QUERY.splitlines()[0]
    files = {"models/mart/kept.sql": SHAPES.get(shape, "") + query}
    if shape == "python":
        files = {"models/mart/kept.py": f"from sqlpipes import asset\n\n\n{PYTHON}"}
    write(root, {"sqlpipes.yml": "", "seeds/items.csv": SEED, **files})
    settled(root, "one")
    return root


def ask(root: Path, sql: str) -> list[tuple]:
    with duckdb.connect(str(root / "shop.duckdb")) as db:
        return db.execute(sql).fetchall()


@pytest.mark.parametrize("shape", [*SHAPES, "python"])
def test_what_moved_is_not_called_gone(shape, tmp_path):
    root = project(tmp_path, shape)
    ok(root, "build")
    ask(root, "create table other (x int)")  # so that somebody looks at what is there
    settled(root, "two")
    said = ok(root, "plan", "-s", "kept")
    assert "config changed: relation: one.kept -> two.kept" in said
    assert "gone" not in said
