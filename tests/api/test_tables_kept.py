"""What is kept of the warehouse's columns after a build of a part is what asking all of it would give."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from edited import RAW, TABLE, build, write

import sqlpipes
from sqlpipes.api.proofs import remember_tables
from sqlpipes.api.warehouses import open_engines

TYPES = (
    "select id, amount::decimal(12, 3) as d, {'a': 1, 'b': [email]} as s, map([1], [day]) as m, "
    "email::enum('a@x', 'b@x') as e, day::timestamptz as z, [id, amount] as l, 1::hugeint as h, "
    "interval 1 day as i, uuid() as u, '1'::bit as b, null as n, id::utinyint as t from raw"
)
PROFILES = {
    "duckdb": "type: duckdb, path: shop.db, schema: main",
    "sqlite": "type: sqlite, path: shop.db",
}


@pytest.fixture(params=PROFILES)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    dialect = f"dialect: {request.param}\n"
    (tmp_path / "sqlpipes.yml").write_text(f"name: shop\n{dialect}")
    profile = f"shop: {{target: dev, outputs: {{dev: {{{PROFILES[request.param]}}}}}}}\n"
    (tmp_path / "profiles.yml").write_text(profile)
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "raw.csv").write_text(RAW)
    types = TYPES if request.param == "duckdb" else "select id, amount, email as e from raw"
    write(tmp_path, "typed", types, TABLE.replace("table\n", "table\ndeterministic: true\n"))
    write(tmp_path, "other", "select id, amount * 1.5 as a, email || 'x' as e, day from raw")
    write(tmp_path, "seen", "select * from other", "")
    return tmp_path


def kept(root: Path) -> object:
    return json.loads((root / ".sqlpipes" / "cache" / "tables.json").read_text())


def asked(root: Path) -> object:
    project = sqlpipes.load(str(root), environ={})
    engines = open_engines(project)
    try:
        remember_tables(project, engines)
    finally:
        engines.close()
    return kept(root)


def test_what_a_part_leaves_is_what_all_of_it_tells(shop: Path) -> None:
    build(shop)
    write(shop, "other", "select email as e, id, day, amount > 1 as more from raw")
    build(shop, select=("other",))
    found = kept(shop)
    assert [name for name, _ in found["other"]] == ["e", "id", "day", "more"]  # type: ignore[index]
    assert found == asked(shop)


def test_types_are_said_alike(shop: Path) -> None:
    build(shop)
    build(shop, select=("typed",), force=True)
    assert kept(shop) == asked(shop)


def test_a_statement_beside_it_may_have_moved_any_table(shop: Path) -> None:
    build(shop)
    head = "/*\n---\nmaterialized: table\nafter: alter table typed add column more int\n---\n*/\n"
    write(shop, "other", "select id from raw", head)
    build(shop, select=("other",))
    assert "more" in [name for name, _ in kept(shop)["typed"]]  # type: ignore[index]
    assert kept(shop) == asked(shop)
