"""A table that is not there, or cannot be read: who reads it fails, each time, and nobody else."""

from pathlib import Path

from cli.projects import ok, run, write

FILES = {
    "sqlpipes.yml": "name: shop\n",
    "models/v.sql": "select * from ext_tbl",
    "models/below.sql": "select * from v",
    "models/fine.sql": "select 1 as a",
}


def test_only_who_reads_it_fails_in_each_build(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    for _ in range(2):
        found = run(tmp_path, "build")
        assert found.exit_code == 1
        assert "models/v.sql:1:15: ENG004" in found.output
        assert "1 failed, 1 skipped" in found.output
    assert "failed   v" in ok(tmp_path, "status")
    assert "create view     v" in ok(tmp_path, "plan")
    assert run(tmp_path, "retry").exit_code == 1
    write(tmp_path, {"models/fine.sql": "select 2 as a"})
    assert "ok    create view     fine" in run(tmp_path, "build").output


def test_a_fault_in_how_changes_are_seen_is_told_before_anything_runs(tmp_path: Path) -> None:
    sources = "sources: [{name: web, schema: main, changes: max(nope), tables: [{name: there}]}]"
    write(tmp_path, FILES | {"models/v.sql": "select * from there", "models/s.yml": sources})
    write(
        tmp_path,
        {"models/make.sql": "/*\n---\nmaterialized: table\nalias: there\n---\n*/ select 1 as b"},
    )
    write(tmp_path, {"models/v.sql": "select 1 as b", "models/s.yml": ""})
    ok(tmp_path, "build")
    (tmp_path / "models/make.sql").unlink()
    write(tmp_path, {"models/v.sql": "select * from there", "models/s.yml": sources})
    found = run(tmp_path, "build")
    assert found.exit_code == 2
    assert "SRC001" in found.output
