"""Export and import: the same lines again, all or nothing, and a place for whatever is wrong."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stores.events import finished, run_finished, run_started, span, started
from stores.test_stores_agree import do, happenings

from sqlpipes.core.errors import StoreError
from sqlpipes.core.events import Event
from sqlpipes.stores import Store, open_store
from sqlpipes.stores.carrying import export_lines, import_lines

AT = "2024-01-01T00:00:00+00:00"
numbers = itertools.count()


def lines_of(root: Path, target: str | None = "dev", url: str | None = None) -> list[str]:
    return list(export_lines(url, str(root), target, at=AT, version="0"))


def take_in(root: Path, lines: Sequence[str], target: str | None = "dev", **options):
    options = {"file": "x.jsonl", "replace": False, **options}
    return import_lines(None, str(root), target, lines, **options)


def opened(root: Path, target: str = "dev") -> closing[Store]:
    return closing(open_store(None, str(root), target=target))


def filled(root: Path, *targets: str) -> list[str]:
    """A state with two runs in each target, the second of which never ended."""
    root.mkdir(exist_ok=True)
    for target in targets or ("dev",):
        with opened(root, target) as store:
            for number, run in enumerate(("r1", "r2")):
                store.append(run_started(run))
                store.append(started(asset=f"a{number}", slices=span(0, 9), run_id=run))
            store.append(finished(asset="a0", slices=span(0, 9), run_id="r1"))
            store.append(run_finished("r1"))
    return lines_of(root, None if targets else "dev")


def refused(root: Path, lines: Sequence[str], target: str | None = "dev", **options) -> str:
    before = lines_of(root, None)
    with pytest.raises(StoreError) as error:
        take_in(root, lines, target, **options)
    assert lines_of(root, None) == before, "a refused import changed something"
    (problem,) = error.value.problems
    return f"{problem} | {problem.hint}"


@given(st.lists(happenings, min_size=5, max_size=30))
@settings(deadline=None, max_examples=15)
def test_what_was_exported_and_imported_is_exported_again_line_for_line(
    tmp_path_factory: pytest.TempPathFactory, story: Sequence[Event | str]
) -> None:
    first, second = (tmp_path_factory.mktemp(f"s{next(numbers)}") for _ in range(2))
    with opened(first) as store:
        for run in ("r1", "r2", "r3"):
            store.append(run_started(run))
        for happening in story:
            do(store, happening)
    lines = lines_of(first)
    take_in(second, lines)
    assert lines_of(second) == lines
    with opened(first) as one, opened(second) as other:
        assert one.history() == other.history()
        assert one.runs() == other.runs()
        do(one, started(asset="b", run_id="r1"))
        do(other, started(asset="b", run_id="r1"))
        assert one.history() == other.history()
    marked = [json.loads(line)["row"]["step_id"] for line in lines if '"table":"marks"' in line]
    with closing(sqlite3.connect(second / ".sqlpipes" / "state.db")) as db, db:
        (newest,) = db.execute("select max(id) from sqlpipes_steps").fetchone()
    assert newest > max(marked, default=0), "a mark names a step that is another one now"


def test_the_first_line_says_what_it_is_and_the_last_how_much(tmp_path):
    head, *rows, foot = filled(tmp_path / "a")
    assert json.loads(head) == {
        "sqlpipes_state": 1,
        "schema": json.loads(head)["schema"],
        "targets": ["dev"],
        "at": AT,
        "sqlpipes": "0",
    }
    assert json.loads(foot) == {"rows": len(rows)}


def test_targets_come_one_by_one_or_all_at_once(tmp_path):
    everything = filled(tmp_path / "a", "dev", "prod")
    new = tmp_path / "b"
    new.mkdir()
    assert take_in(new, everything, "prod").targets == ("prod",)
    assert lines_of(new, "prod")[1:] == lines_of(tmp_path / "a", "prod")[1:]
    take_in(new, everything, "dev")
    with opened(new, "dev") as dev, opened(tmp_path / "a", "dev") as was:
        assert dev.history() == was.history()
        assert [run.run_id for run in dev.runs()] == ["r2", "r1"]
        dev.append(
            finished(asset="a1", slices=span(0, 9), run_id="r2")
        )  # its mark is still its own
        assert dev.history().of("a1").suspect is None
    other = tmp_path / "c"
    other.mkdir()
    assert take_in(other, everything, None).targets == ("dev", "prod")
    assert lines_of(other, None) == everything


def test_a_state_that_holds_something_is_only_replaced_when_that_is_asked(tmp_path):
    lines = filled(tmp_path / "a")
    new = tmp_path / "b"
    filled(new, "dev", "prod")
    prod = lines_of(new, "prod")
    said = refused(new, lines)
    assert "STO011" in said
    assert "holds" in said
    assert "--replace" in said
    take_in(new, lines, replace=True)
    assert len(lines_of(new)) == len(lines)
    assert lines_of(new, "prod") == prod, "another target was touched"


def test_a_file_that_was_cut_off_is_told_wherever_that_was(tmp_path):
    lines = filled(tmp_path / "a")
    new = tmp_path / "b"
    new.mkdir()
    for end in range(len(lines)):
        assert "STO009" in refused(new, lines[:end])
    assert "STO009" in refused(new, [*lines[:2], *lines[3:]])
    half = lines[3][: len(lines[3]) // 2]
    assert "x.jsonl:4:" in refused(new, [*lines[:3], half])


def changed(line: str, **more) -> str:
    said = json.loads(line)
    said["row"] = {**said["row"], **more}
    return json.dumps(said)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (lambda row: "{", "x.jsonl:2:2: STO008 this line is no JSON"),
        (lambda row: "[1]", "STO008 this line is no JSON object"),
        (lambda row: '{"x": 1}', "STO008 a line is"),
        (
            lambda row: row.replace('"assets"', '"asets"'),
            "x.jsonl:2:10: STO008 there is no table 'asets'",
        ),
        (lambda row: changed(row, colour="red"), "has no column 'colour'"),
        (lambda row: changed(row, version=7), "'version' of the table 'assets' is 7"),
        (lambda row: changed(row, version=None), "'version' of the table 'assets' is missing"),
        (lambda row: changed(row, failed=0), "'failed' of the table 'assets' is 0"),
        (
            lambda row: changed(row, checked_at=1 << 70),
            "'checked_at' of the table 'assets' is 11805",
        ),
        (lambda row: changed(row, target="else"), "does not name the target 'else'"),
        (lambda row: "[" * 100_000, "STO008"),
    ],
)
def test_a_broken_line_is_told_with_its_place(tmp_path, bad, message):
    lines = filled(tmp_path / "a")
    new = tmp_path / "b"
    new.mkdir()
    assert message in refused(new, [lines[0], bad(lines[1]), *lines[2:]])


def test_a_row_twice_and_lines_after_the_end_are_refused(tmp_path):
    head, *rows, _ = filled(tmp_path / "a")
    new = tmp_path / "b"
    new.mkdir()
    twice = [head, *rows, rows[0], json.dumps({"rows": len(rows) + 1})]
    assert "STO008 two lines of x.jsonl are about one row" in refused(new, twice)
    assert "behind the end" in refused(new, [head, *rows, json.dumps({"rows": len(rows)}), rows[0]])


def test_other_files_and_newer_ones_are_refused(tmp_path):
    lines = filled(tmp_path / "a")
    new = tmp_path / "b"
    new.mkdir()
    assert "no export of a state" in refused(new, ['{"name": "x"}'])
    assert "STO008" in refused(new, ["id,day", "1,2"])
    newer = json.dumps({**json.loads(lines[0]), "sqlpipes_state": 2, "sqlpipes": "9.9"})
    assert "STO010 a newer sqlpipes (9.9) wrote this file" in refused(new, [newer, *lines[1:]])
    schema = json.dumps({**json.loads(lines[0]), "schema": 99})
    assert "STO010" in refused(new, [schema, *lines[1:]])
    said = refused(new, lines, "prod")
    assert "STO012 x.jsonl holds 'dev', and not 'prod'" in said or "STO012" in said
    assert "-t dev" in said


def test_an_export_of_an_older_schema_lacks_columns_that_have_a_default(tmp_path):
    head, *rest = filled(tmp_path / "a")
    older = json.dumps({**json.loads(head), "schema": 1})
    stripped = []
    for line in rest:
        said = json.loads(line)
        if said.get("table") == "assets":
            del said["row"]["broken"], said["row"]["shrunk_at"]
        stripped.append(json.dumps(said))
    new = tmp_path / "b"
    new.mkdir()
    take_in(new, [older, *stripped])
    assert lines_of(new) == [head, *rest]
