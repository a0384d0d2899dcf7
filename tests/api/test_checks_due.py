"""Checks run again when something that they read has changed, though the asset that they guard has not."""

from __future__ import annotations

from pathlib import Path

import pytest

from sqlpipes.api import build, load, plan

GUARDED = """/*
---
materialized: table
checks:
  - relationships: {{column: id, to: {to}, field: id}}
---
*/
select 1 as id
"""
USERS = "/*\n---\nmaterialized: {how}\n---\n*/\nselect {id} as id\n"


@pytest.mark.parametrize("how", ["table", "view", "ephemeral"])
@pytest.mark.parametrize("through", [False, True])
def test_a_changed_query_that_a_check_reads(tmp_path: Path, how: str, through: bool) -> None:
    models = tmp_path / "models"
    models.mkdir()
    (models / "users.sql").write_text(USERS.format(how=how, id=1))
    (models / "known.sql").write_text("/*\n---\nmaterialized: ephemeral\n---\n*/\nfrom users\n")
    (models / "guarded.sql").write_text(GUARDED.format(to="known" if through else "users"))
    assert build(load(str(tmp_path))).ok
    assert plan(load(str(tmp_path))).steps == ()

    (models / "users.sql").write_text(USERS.format(how=how, id=2))
    [failed] = build(load(str(tmp_path))).failed
    assert [problem.code for problem in failed.problems] == ["CHK010"]

    (models / "users.sql").write_text(USERS.format(how=how, id=1))
    assert build(load(str(tmp_path))).ok
    assert plan(load(str(tmp_path))).steps == ()
