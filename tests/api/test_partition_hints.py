"""A `--partition` that an asset does not know is answered with keys of its own axis."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlpipes.api.plans import plan
from sqlpipes.api.project import load
from sqlpipes.api.selection import Ask
from sqlpipes.core.errors import ProjectError

DAY = "{by: day, column: d, start: 2024-01-01, end: 2024-01-03}"
CUTS = {
    "{by: values, column: k, values: [north, south]}": "the values of 'a' are north, south",
    "{by: integer, column: k, start: 0, end: 3000, width: 1000}": "write a key such as 0..1000",
    f"{{by: [{DAY}, {{column: k, values: [eu]}}]}}": "write a key such as 2024-01-01|eu",
    DAY: "write a key such as 2024-01-31 or 2024-01, or a range",
}


@pytest.mark.parametrize("cut", CUTS)
def test_the_hint_shows_keys_of_the_assets_own_axis(tmp_path: Path, cut: str) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "sqlpipes.yml").write_text("name: shop\n")
    text = f"/*\n---\nmaterialized: table\npartition: {cut}\n---\n*/\nselect 1 as k, 2 as d\n"
    (tmp_path / "models/a.sql").write_text(text)
    with pytest.raises(ProjectError) as raised:
        plan(load(str(tmp_path), environ={}), Ask(partitions="nope"))
    (problem,) = raised.value.problems
    assert problem.code == "PLN002"
    assert (problem.hint or "").startswith(CUTS[cut])
