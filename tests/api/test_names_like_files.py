"""Assets that are called like files: a name in quotes means them, and else a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlpipes.api.building import build
from sqlpipes.api.columns import lineage
from sqlpipes.api.look import rows
from sqlpipes.api.plans import plan
from sqlpipes.api.project import load

TABLE = "/*\n---\nmaterialized: table\n---\n*/\n{}\n"


def project(root: Path, **said: str) -> Path:
    for path, text in said.items():
        file = root / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    return root


@pytest.mark.parametrize("name", ["x*y", "~", "what?", "[a]", "it.db", "t.csv"])
def test_an_asset_called_like_a_file_is_read_by_its_name(tmp_path: Path, name: str) -> None:
    project(tmp_path, **{f"models/{name}.sql": TABLE.format("select 5 as zz")})
    project(
        tmp_path,
        **{
            "models/r.sql": TABLE.format(f'select q.zz from "{name}" as q'),
            "tests/few.sql": f'select * from "{name.upper()}" where zz > 9',
        },
    )
    found = load(str(tmp_path))
    assert found.errors == ()
    assert found.graph.parents("r") == (name,)
    assert [column.name for column in lineage(found).columns("r")] == ["zz"]
    assert build(found).ok
    assert rows(load(str(tmp_path)), "r").rows == ((5,),)
    path = tmp_path / "models" / f"{name}.sql"
    path.write_text(path.read_text().replace("5", "6"))
    assert [step.asset for step in plan(load(str(tmp_path))).steps] == [name, "r"]


def test_a_name_of_no_asset_is_a_file_below_the_project(tmp_path: Path) -> None:
    project(
        tmp_path,
        **{
            "raw/a.csv": "a\n1\n",
            "models/x*y.sql": TABLE.format("select 5 as zz"),
            "models/r.sql": TABLE.format('select zz, a from "x*y", "raw/*.csv"'),
            "models/s.sql": TABLE.format("select a from read_csv('raw/*.csv')"),
        },
    )
    found = load(str(tmp_path))
    assert found.graph.parents("r") == ("x*y", "raw/*.csv")
    assert found.graph.parents("s") == ("raw/*.csv",)
    assert build(found).ok
    assert rows(load(str(tmp_path)), "r").rows == ((5, 1),)


def test_what_a_function_reads_is_a_file_whatever_assets_are_called(tmp_path: Path) -> None:
    project(
        tmp_path,
        **{
            "t.csv": "a\n1\n",
            "models/a.sql": TABLE.format("select a from read_csv('t.csv')"),
            "models/b.sql": TABLE.format('select a from "t.csv"'),
        },
    )
    found = load(str(tmp_path))
    assert found.graph.parents("a") == found.graph.parents("b") == ("t.csv",)
    assert build(found).ok
