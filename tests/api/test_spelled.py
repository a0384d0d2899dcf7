"""Compiled SQL is the same whether DuckDB is asked what its names are or not."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from cli.projects import write

from sqlpipes.api.building import build
from sqlpipes.api.look import compiled
from sqlpipes.api.plans import look_at_warehouses
from sqlpipes.api.project import load
from sqlpipes.api.selection import Ask
from sqlpipes.api.warehouses import engines_to_spell
from sqlpipes.engines.duckdb.spelling import OfflineDuck
from sqlpipes.run.query import asset_query

# DuckDB makes no view on what stands in a schema that is called like its database
MODELS = {
    "models/plain.sql": "select 1 as x",
    "models/elsewhere.sql": "/*\n---\nschema: other\n---\n*/\nselect x from plain",
    "models/like_the_file.sql": (
        "/*\n---\nmaterialized: table\nschema: shop\n---\n*/\nselect x from elsewhere"
    ),
    "models/hidden.sql": "/*\n---\nmaterialized: ephemeral\n---\n*/\nselect x from like_the_file",
    "models/last.sql": (
        "/*\n---\nmaterialized: table\n---\n*/\n"
        "select a.x from hidden a, {}plain b, Elsewhere, like_the_file c"
    ),
}


def models(before: str = "") -> dict[str, str]:
    return {name: text.format(before) for name, text in MODELS.items()}


@pytest.mark.parametrize("path", ["shop.duckdb", "main.db", "a-b.c.duckdb", "Other.duckdb", "é 1"])
@pytest.mark.parametrize("schema", ["", "      schema: shop\n"])
def test_what_is_compiled_unopened_is_what_an_open_database_calls_it(
    tmp_path: Path, path: str, schema: str
) -> None:
    profile = f"p:\n  outputs:\n    dev:\n      type: duckdb\n      path: '{path}'\n{schema}"
    root = str(write(tmp_path, {**models("" if schema else "main."), "profiles.yml": profile}))
    first = compiled(load(root), Ask())
    report = build(load(root))
    assert report.ok, [str(each.problems[0].message) for each in report.failed]
    project = load(root)
    assert isinstance(engines_to_spell(project).own, OfflineDuck)
    there = look_at_warehouses(project)
    opened = {
        name: asset_query(asset, project.graph, there.of(asset)).text
        for name, asset in project.graph.assets.items()
    }
    assert compiled(project, Ask()) == opened == first
    assert len(opened) == len(MODELS)


def test_of_attached_databases_the_open_one_is_asked(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "far.duckdb")) as connection:
        connection.execute("create table t as select 1 as x")
    profile = (
        "p:\n  outputs:\n    dev:\n      type: duckdb\n      path: shop.duckdb\n"
        "      attach: far.duckdb\n"
    )
    files = {
        "profiles.yml": profile,
        "models/sources.yml": "sources:\n  - name: far\n    tables: [{name: t}]\n",
        "models/far_too.sql": "/*\n---\nschema: far\n---\n*/\nselect x from far.t",
    }
    project = load(str(write(tmp_path, files)))
    engines = engines_to_spell(project)
    assert not isinstance(engines.own, OfflineDuck)
    engines.close()


def test_it_is_compiled_while_another_program_writes(tmp_path: Path) -> None:
    root = str(write(tmp_path, models()))
    before = compiled(load(root), Ask())
    assert build(load(root)).ok
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as held:
        held.execute("begin")
        assert compiled(load(root), Ask()) == before
