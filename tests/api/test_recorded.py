"""What a build records by itself, and numbers over time."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from cli.projects import ok, run, write

import sqlpipes
from sqlpipes.api import metric, run_details
from sqlpipes.api.commit import commit_of
from sqlpipes.core.errors import ProjectError

FILES = {
    "sqlpipes.yml": "name: shop\n",
    "seeds/raw.csv": "id,day\n1,2024-01-01\n2,2024-01-02\n",
    "models/daily.sql": (
        "/*\n---\npartition: {by: day, column: day, start: 2024-01-01, end: 2024-01-04}\n"
        "checks:\n  - not_null: {column: id, severity: warn}\n---\n*/\n"
        "select cast(day as date) as day, id from raw\n"
    ),
    "models/m.py": (
        "import pathlib\nimport pyarrow as pa\nfrom sqlpipes import Markdown, Table, asset\n\n"
        "@asset\ndef frame(context, daily):\n"
        "    score = float((pathlib.Path(context.root) / 'score').read_text())\n"
        "    context.log_metadata(score=score, notes=Markdown('# Hi\\n\\nthere'),"
        " preview=Table([{'a': 1, 'b': None}]), page='https://a.b')\n"
        "    return pa.table({'n': [1, 2, 3]})\n\n"
        "@asset\ndef page(context, frame) -> 'File':\n"
        "    file = context.file('page.txt')\n    pathlib.Path(file).write_text('12345')\n"
        "    return file\n"
    ),
    "score": "1",
}


def steps(root: Path) -> dict:
    return {step.asset: step for step in run_details(sqlpipes.load(str(root))).steps}


def test_rows_bytes_columns_and_statements_are_recorded(tmp_path):
    root = write(tmp_path, FILES)
    ok(root, "build")
    found = steps(root)
    assert found["raw"].bytes == (root / "seeds/raw.csv").stat().st_size
    assert dict(found["raw"].columns) == {"id": "BIGINT", "day": "DATE"}
    assert dict(found["daily"].columns) == {"day": "DATE", "id": "BIGINT"}
    assert found["daily"].bytes is None
    assert (found["frame"].bytes, found["frame"].rows) == (24, 3)
    assert dict(found["frame"].columns) == {"n": "BIGINT"}
    assert (found["page"].bytes, found["page"].columns) == (5, ())
    assert all(step.statements for name, step in found.items() if name != "page")


def test_logged_values_are_shown_as_what_they_are(tmp_path):
    root = write(tmp_path, FILES)
    ok(root, "build")
    said = json.loads(ok(root, "status", "frame", "--json"))[0]["last_build"]
    kinds = {name: value["type"] for name, value in said["metadata"].items()}
    assert kinds == {"score": "number", "notes": "markdown", "preview": "table", "page": "url"}
    assert said["columns"] == [{"name": "n", "type": "BIGINT"}]
    told = json.loads(ok(root, "runs", "show", "--json"))
    step = next(step for step in told["steps"] if step["asset"] == "frame")
    assert step["metadata"]["notes"] == {"type": "markdown", "value": "# Hi\n\nthere"}
    for text in (ok(root, "status", "frame"), ok(root, "runs", "show")):
        assert "score" in text
        assert "# Hi" in text


def test_numbers_over_time(tmp_path):
    root = write(tmp_path, FILES)
    for score in (1, 2.5, 2):
        (root / "score").write_text(str(score))
        ok(root, "build", "--force")
    project = sqlpipes.load(str(root))
    assert [point.value for point in metric(project, "frame", "score").points] == [1, 2.5, 2]
    assert [point.value for point in metric(project, "daily", "rows").points] == [2, 2, 2]
    newest = metric(project, "frame", "score", last=2)
    assert ([point.value for point in newest.points], newest.total) == ([2.5, 2], 3)
    assert [point.value for point in metric(project, "page", "bytes").points] == [5, 5, 5]
    assert [point.value for point in metric(project, "daily", "failures").points] == [0, 0, 0]
    assert len(metric(project, "daily", "not_null.id").points) == 3
    said = ok(root, "status", "frame", "--metric", "score")
    assert said.splitlines()[0] == "frame score: 3 points"
    assert said.splitlines()[-1] == "▁█▆  min 1, max 2.5, last 2"
    told = json.loads(ok(root, "status", "frame", "--metric", "score", "--last", "1", "--json"))
    assert [point["value"] for point in told["points"]] == [2]


def test_numbers_of_a_slice(tmp_path):
    root = write(tmp_path, FILES)
    ok(root, "build")
    ok(root, "build", "--force", "--partition", "2024-01-02")
    ok(root, "build", "--force", "--partition", "2024-01-03")
    project = sqlpipes.load(str(root))
    found = metric(project, "daily", "rows", partition="2024-01-02")
    assert [(point.value, str(point.slices)) for point in found.points] == [
        (2, "2024-01-01..2024-01-04"),
        (1, "2024-01-02"),
    ]
    assert len(metric(project, "daily", "failures", partition="2024-01-03").points) == 2
    with pytest.raises(ProjectError, match="PLN002"):
        metric(project, "daily", "rows", partition="soon")


def test_parts_of_one_run_are_one_point(tmp_path):
    text = FILES["models/daily.sql"].replace("2024-01-04}", "2024-01-04, batch: 1}")
    root = write(tmp_path, {**FILES, "models/daily.sql": text})
    ok(root, "build")
    (point,) = metric(sqlpipes.load(str(root)), "daily", "rows").points
    assert (point.value, str(point.slices)) == (2, "2024-01-01..2024-01-04")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("frame", "--metric", "scor"), "did you mean 'score'?"),
        (("frame", "--metric", "xyz"), "known: rows, seconds, bytes, failures, score"),
        (("frame", "daily", "--metric", "rows"), "--metric is of one asset"),
        (("fram", "--metric", "rows"), "did you mean 'frame'?"),
    ],
)
def test_a_number_that_is_not_there_is_told(tmp_path, arguments, said):
    root = write(tmp_path, FILES)
    ok(root, "build")
    result = run(root, "status", *arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_without_any_build_there_are_no_points(tmp_path):
    root = write(tmp_path, FILES)
    assert ok(root, "status", "daily", "--metric", "rows") == (
        "daily rows: no build has it on record\n"
    )


# ---------------------------------------------------------------------------------------- commits


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def committed(root: Path) -> Path:
    write(root, FILES)
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "models")
    git(root, "commit", "-q", "-m", "first")
    return root


def test_the_commit_is_recorded_with_the_run(tmp_path):
    root = committed(tmp_path)
    ok(root, "build")
    project = sqlpipes.load(str(root))
    head = git(root, "rev-parse", "HEAD")
    assert run_details(project).commit == head
    (root / "models/daily.sql").write_text(FILES["models/daily.sql"] + "-- x\n")
    ok(root, "build", "--force", "-s", "raw")
    assert run_details(project).commit == f"{head}-dirty"
    assert f"commit {head[:10]}-dirty" in ok(root, "runs", "show")
    assert f"commit {head[:10]}-dirty" in ok(root, "status", "raw")


@pytest.mark.parametrize("how", ["packed", "detached", "worktree", "below"])
def test_the_commit_is_found_however_git_keeps_it(tmp_path, how):
    root = committed(tmp_path / "a")
    head = git(root, "rev-parse", "HEAD")
    if how == "packed":
        git(root, "pack-refs", "--all")
    elif how == "detached":
        git(root, "checkout", "-q", "--detach")
    elif how == "worktree":
        git(root, "worktree", "add", "-q", str(tmp_path / "b"), "-b", "other")
        root = tmp_path / "b"
    else:
        root = root / "models"
    assert commit_of(str(root)) == head


def test_outside_of_git_and_before_the_first_commit_there_is_none(tmp_path):
    assert commit_of(str(tmp_path)) == ""
    git(tmp_path, "init", "-q")
    assert commit_of(str(tmp_path)) == ""
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/../../../etc\n")
    assert commit_of(str(tmp_path)) == ""


LOGGED = """
from sqlpipes import CheckResult, Table, asset, check

@asset
def kept(context):
    context.log_metadata(
        score=1.5, text="x" * 100_000, rows=99,
        listed=[{"a": i} for i in range(500)], made=Table({"b": i} for i in range(150)),
        deep={"k": ["y" * 100] * 5000},
    )
    return [{"id": 1}]

@check(asset="kept")
def fair(kept, context):
    context.log_metadata(least=1)
    return CheckResult(passed=True, metadata={"highest": 3.5, "word": "w"})

@asset
def nothing(context) -> None:
    context.log_metadata(rows=3)

@asset
def failing(context):
    context.log_metadata(score=7)
    yield {"a": 1}
    context.log_metadata(later=8)
    raise ValueError("no more")
"""


def values(root: Path, asset: str, name: str) -> list[float]:
    return [point.value for point in metric(sqlpipes.load(str(root)), asset, name).points]


def test_numbers_of_checks_and_of_steps_that_failed_can_be_followed(tmp_path):
    root = write(tmp_path, {"sqlpipes.yml": "name: shop\n", "models/m.py": LOGGED})
    assert run(root, "build").exit_code == 1
    assert values(root, "kept", "fair.highest") == values(root, "kept", "highest") == [3.5]
    assert values(root, "kept", "least") == [1]
    assert (values(root, "kept", "rows"), values(root, "nothing", "rows")) == ([1], [3])
    assert (values(root, "failing", "score"), values(root, "failing", "later")) == ([7], [8])
    assert values(root, "failing", "seconds") == values(root, "failing", "rows") == []
    assert "later" in run(root, "runs", "show").stdout
    with pytest.raises(ProjectError):
        values(root, "kept", "word")


def test_long_values_are_kept_and_shown_in_part(tmp_path):
    root = write(tmp_path, {"sqlpipes.yml": "name: shop\n", "models/m.py": LOGGED})
    run(root, "build")
    kept = steps(root)["kept"].metadata
    assert len(kept["text"]) < 17_000
    assert "84,000 characters are left out" in kept["text"]
    assert len(json.dumps(kept["deep"])) < 17_000
    assert kept["listed"][100:] == [{"... rows left out": 400}]
    assert kept["made"]["value"][100:] == [{"... rows left out": 50}]
    shown = run(root, "status", "kept").stdout
    assert "and 495 more rows" in shown
    assert "and 145 more rows" in shown
    assert len(shown) < 8_000
