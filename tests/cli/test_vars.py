"""--vars: several count together, and none of their values is kept with the run."""

from __future__ import annotations

import pytest
from cli.projects import ok, write

from sqlpipes.cli.options import parse_vars

SAID = [
    ["--vars", "api_token=c4naryc4nary", "--vars", "other=1"],
    ["--vars=api_tokn=c4naryc4nary"],
    ["--vars", "{api_token:c4naryc4nary}"],
]


def test_several_count_together_and_the_later_wins():
    assert parse_vars(["{a: 1, b: 2}", "b=3", ""]) == {"a": 1, "b": 3}
    assert parse_vars([]) == {}


@pytest.mark.parametrize("said", SAID)
def test_no_value_is_kept_with_the_run(said, tmp_path):
    root = write(tmp_path / "shop")
    ok(root, "build", *said)
    assert "--vars" in ok(root, "runs", "show", "last")
    kept = [path for path in (root / ".sqlpipes").rglob("*") if path.is_file()]
    assert kept
    assert [path.name for path in kept if b"c4nary" in path.read_bytes()] == []
