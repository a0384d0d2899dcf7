"""Self-tests of the house: who may import whom, and what the public face exports."""

import subprocess
import sys

import sqlpipes


def test_import_contracts_hold(capsys):
    from importlinter.cli import lint_imports

    assert lint_imports(no_cache=True) == 0, capsys.readouterr().out


def test_all_names_of_the_public_face_can_be_had():
    assert sorted(sqlpipes.__all__) == list(sqlpipes.__all__)
    for name in sqlpipes.__all__:
        assert getattr(sqlpipes, name) is not None


def test_the_public_face_imports_nothing_heavy():
    code = (
        "import sys, sqlpipes, sqlpipes.cli\n"
        "heavy = {'duckdb', 'sqlglot', 'sqlalchemy', 'jinja2', 'yaml', 'rich', 'numpy', 'pandas'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert found.strip() == ""
