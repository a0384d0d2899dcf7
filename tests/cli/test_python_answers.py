"""What the functions of checks answer, and how that is told."""

from pathlib import Path

import pytest
from cli.projects import ok, run, write

HEAD = "from sqlpipes import asset, check\n\n@asset\ndef orders():\n    return [{'n': 1}]\n\n"


def project(root: Path, text: str) -> Path:
    return write(root, {"sqlpipes.yml": "name: shop\n", "models/a.py": HEAD + text})


def check(name: str, body: str) -> str:
    return f"@check(asset='orders')\ndef {name}(orders):\n    {body}\n\n"


@pytest.mark.parametrize("value", ["-1", "(True, 'x')", "'bad'", "1.5"])
def test_what_is_no_answer(tmp_path: Path, value: str) -> None:
    project(tmp_path, check("odd", f"return {value}"))
    found = run(tmp_path, "build")
    assert found.exit_code == 1
    assert "models/a.py:8:5: CHK012 check 'orders.odd' returned " in found.output
    assert "return True or False, the number of bad rows" in found.output


def test_false_is_told_by_the_docstring(tmp_path: Path) -> None:
    project(
        tmp_path,
        check("positive", '"""Every order has a number.\n\n    More."""\n    return False'),
    )
    found = run(tmp_path, "build").output
    assert "did not hold: Every order has a number." in found
    assert "bad row" not in found
    project(tmp_path, check("positive", "return False"))
    assert "did not hold" in run(tmp_path, "build").output


def test_every_check_is_asked_and_told_by_itself(tmp_path: Path) -> None:
    text = check("first", "return 2") + check("second", "raise ValueError('oh')")
    project(tmp_path, text + check("third", "pass") + check("fourth", "return False"))
    found = run(tmp_path, "build").output
    for said in (
        "CHK010 check 'orders.first' found 2 bad rows",
        "second() of 'orders' raised ValueError: oh",
        "CHK012 check 'orders.third' returned nothing",
        "CHK010 check 'orders.fourth': did not hold",
    ):
        assert said in found


def test_after_a_faulty_query_nothing_follows_from_it(tmp_path: Path) -> None:
    text = check("first", "return orders.filter('nope > 1')") + check("second", "return 0")
    project(tmp_path, text)
    found = run(tmp_path, "build").output
    assert "nope" in found
    assert "aborted" not in found


def test_checks_that_hold(tmp_path: Path) -> None:
    project(tmp_path, check("first", "return []") + check("second", "return True"))
    assert "2 checks passed" in ok(tmp_path, "build")


def test_a_check_that_does_not_say_of_what(tmp_path: Path) -> None:
    for line in ("@check", "@check()"):
        project(tmp_path, f"{line}\ndef odd(orders):\n    return True\n")
        found = run(tmp_path, "build").output
        assert 'a check says what it is of: @check(asset="...")' in found
