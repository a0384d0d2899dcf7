"""Names that Postgres would cut: told at their places, before two of them become one."""

from __future__ import annotations

from pathlib import Path

import pytest
from notyet import only
from places import Place

from sqlpipes.api.building import build
from sqlpipes.api.project import load
from sqlpipes.core.errors import Problem, ProjectError

ONE, TWO = "a" * 63 + "_one", "a" * 63 + "_two"

MODELS = {
    "models/twins.sql": f"/*\n---\nmaterialized: table\n---\n*/\nselect 1 as {ONE},\n  2 as {TWO}\n",
    "models/seen.sql": f"select 1 as {ONE},\n  2 as {TWO}\n",
    "models/asked.sql": f"select x.{ONE}\nfrom (select 1 as {TWO}) as x\n",
    "seeds/landed.csv": f"id,{ONE},{TWO}\n1,2,3\n",
    "seeds/typed.csv": f"day,{ONE}\n2024-01-01 00:00:00.1234567,{'é'}\n",
    "models/made.py": "from sqlpipes import asset\n\n\n@asset\ndef made():\n"
    f"    return [{{'{ONE}': 1, '{TWO}': 2}}]\n",
    "models/found.sql": "/*\n---\nmaterialized: table\nindexes:\n"
    f"  - columns: [{'b' * 64}]\n---\n*/\nselect 1 as {'b' * 63}\n",
}
FOUND = {
    "models/twins.sql": (7, 8, f"takes '{TWO}' and '{ONE}' for one"),
    "models/seen.sql": (2, 8, f"takes '{TWO}' and '{ONE}' for one"),
    "models/asked.sql": (2, 19, f"takes '{TWO}' and '{ONE}' for one"),
    "seeds/landed.csv": (1, 4, f"the name '{ONE}' is 67 bytes long, and Postgres keeps 63"),
    "seeds/typed.csv": (1, 5, f"the name '{ONE}' is 67 bytes long, and Postgres keeps 63"),
    "models/made.py": (5, 5, f"the name '{ONE}' is 67 bytes long, and Postgres keeps 63"),
    "models/found.sql": (5, 15, f"the name '{'b' * 64}' is 64 bytes long"),
}


def faults(root: Path, file: str) -> list[Problem]:
    (root / "sqlpipes.yml").write_text("name: shop\n")
    path = root / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(MODELS[file])
    try:
        report = build(load(str(root), environ={}))
    except ProjectError as error:  # told before anything runs
        return list(error.problems)
    return [problem for failed in report.failed for problem in failed.problems]


@only("postgres", "the others hold longer names, or refuse them by themselves")
@pytest.mark.parametrize("file", MODELS)
def test_a_name_that_is_cut_is_told_at_its_place(tmp_path: Path, place: Place, file: str) -> None:
    place.prepare(tmp_path)
    first, *more = faults(tmp_path, file)
    line, column, said = FOUND[file]
    assert first.code == "ENG012"
    assert said in first.message
    assert first.at is not None
    assert (first.at.file, first.at.line, first.at.column) == (file, line, column)
    assert [problem.code for problem in more] == ["ENG012"] * len(more)
    if file in ("seeds/landed.csv", "models/made.py"):
        assert f"takes '{TWO}' and '{ONE}' for one" in more[0].message
    if file == "seeds/landed.csv":
        assert (more[0].at and more[0].at.column) == 4 + len(ONE) + 1
