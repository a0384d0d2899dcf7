"""Where lineage events go: an endpoint that is well, slow, broken or not there never touches a build."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from servers.openlineage import Endpoint

from sqlpipes.api import Report, build, load, runs, send_openlineage
from sqlpipes.cli import sqlpipes
from sqlpipes.core.errors import ProjectError

MODELS = {
    "models/a.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect 1 as x",
    "models/b.sql": "select x from a",
}


@pytest.fixture
def listening() -> Iterator[list[Endpoint]]:
    found: list[Endpoint] = []
    yield found
    for each in found:
        each.stop()


def project(root: Path, said: str, **environ: str) -> Any:
    for name, text in {**MODELS, "sqlpipes.yml": f"name: shop\nopenlineage: {said}\n"}.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    return load(str(root), environ={"PATH": os.environ["PATH"], **environ})


def built(root: Path, said: str, **environ: str) -> Report:
    report = build(project(root, said, **environ))
    assert report.ok
    return report


def warned(report: Report) -> str:
    (problem,) = report.warnings
    assert (problem.code, problem.is_error) == ("OLN001", False)
    return problem.message


def test_events_arrive_in_order_with_the_key(tmp_path, listening):
    listening.append(Endpoint())
    report = built(tmp_path, f"{{url: '{listening[0].url}', api_key: s3cret-key}}")
    assert report.warnings == ()
    heard = listening[0].heard
    assert {(path, key) for path, key, _ in heard} == {("/api/v1/lineage", "Bearer s3cret-key")}
    assert len(heard) == 6
    by_run: dict[str, list[str]] = {}
    for event in listening[0].events:
        by_run.setdefault(event["run"]["runId"], []).append(event["eventType"])
    assert set(map(tuple, by_run.values())) == {("START", "COMPLETE")}


def test_a_file_beside_an_endpoint_has_them_too(tmp_path, listening):
    listening.append(Endpoint())
    built(tmp_path, f"{{url: '{listening[0].url}/', endpoint: /in, file: out/lineage.jsonl}}")
    assert {path for path, _, _ in listening[0].heard} == {"/in"}
    lines = (tmp_path / "out/lineage.jsonl").read_text().splitlines()
    assert sorted(map(len, lines)) == sorted(
        len(json.dumps(each, ensure_ascii=False)) for each in listening[0].events
    )


def test_who_is_not_there_costs_nothing_and_is_told(tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        message = warned(built(tmp_path, f"{{url: '{url}'}}"))
    assert message.startswith("6 of 6 lineage events were not delivered to http://127.0.0.1: ")
    assert "refused" in message


def test_each_place_that_lacks_some_is_told_and_no_other(tmp_path, listening):
    listening.append(Endpoint())
    listening[0].may_answer.clear()
    message = warned(
        built(tmp_path, f"{{url: '{listening[0].url}', wait_s: 0.2, file: lineage.jsonl}}")
    )
    assert "http://127.0.0.1: not within 0.2s of the end of the build" in message
    assert len((tmp_path / "lineage.jsonl").read_text().splitlines()) == 6


def test_what_is_busy_for_a_moment_is_asked_again(tmp_path, listening):
    listening.append(Endpoint(503, 429))
    assert built(tmp_path, f"{{url: '{listening[0].url}'}}").warnings == ()
    assert len(listening[0].heard) == 8


def test_what_always_fails_is_given_up(tmp_path, listening):
    listening.append(Endpoint(*[500] * 100))
    message = warned(built(tmp_path, f"{{url: '{listening[0].url}', retries: 0}}"))
    assert message.startswith("6 of 6 lineage events were not delivered")
    assert "it answered 500" in message
    assert len(listening[0].heard) <= 6


def test_some_that_are_refused_are_counted(tmp_path, listening):
    listening.append(Endpoint(400))
    message = warned(built(tmp_path, f"{{url: '{listening[0].url}'}}"))
    assert message.startswith("1 of 6 lineage events were not delivered")
    assert "it answered 400 Bad Request" in message


def test_events_that_are_sent_elsewhere_have_not_arrived(tmp_path, listening):
    listening.append(Endpoint(*[(302, "https://login.example.com/?token=abcdef")] * 6))
    message = warned(built(tmp_path, f"{{url: '{listening[0].url}'}}"))
    assert "it answered 302, moved to https://login.example.com/..." in message
    assert "abcdef" not in message


def test_the_key_is_not_taken_along_to_another_host(tmp_path, listening):
    listening.append(Endpoint())
    listening.append(Endpoint(*[(307, listening[0].url)] * 6))
    message = warned(built(tmp_path, f"{{url: '{listening[1].url}', api_key: s3cret-key}}"))
    assert "it answered 307" in message
    assert listening[0].heard == []


def test_a_slow_endpoint_holds_up_nothing(tmp_path, listening):
    listening.append(Endpoint())
    listening[0].may_answer.clear()  # nobody lets it before the build is over
    message = warned(built(tmp_path, f"{{url: '{listening[0].url}', wait_s: 0.2}}"))
    assert "not within 0.2s of the end of the build" in message


def test_a_server_that_nobody_vouches_for_is_told_nothing(tmp_path, listening):
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, cert = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    asked = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    asked += ["-subj", "/CN=127.0.0.1", "-keyout", key, "-out", cert]
    subprocess.run(asked, check=True, capture_output=True)
    listening.append(Endpoint(tls=(cert, key)))
    message = warned(built(tmp_path, f"{{url: '{listening[0].url}', api_key: s3cret-key}}"))
    assert "CERTIFICATE_VERIFY_FAILED" in message
    assert listening[0].heard == []


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "taken").write_text("a file")
    message = warned(built(tmp_path, "{file: taken/lineage.jsonl}"))
    assert message.endswith(("Not a directory", "File exists"))
    assert str(tmp_path / "taken/lineage.jsonl") in message
    assert message.startswith("6 of 6 lineage events")


def test_several_builds_append_whole_lines(tmp_path):
    for _ in range(2):
        built(tmp_path, "{file: lineage.jsonl}")
        shutil.rmtree(tmp_path / ".sqlpipes")
        (tmp_path / "shop.duckdb").unlink()
    lines = (tmp_path / "lineage.jsonl").read_text().splitlines()
    assert [json.loads(line)["eventType"] for line in lines].count("COMPLETE") == 6


def test_the_environment_says_where_and_wins(tmp_path, listening):
    listening += [Endpoint(), Endpoint()]
    own = f"{{url: '{listening[0].url}', api_key: of-the-file, namespace: here}}"
    where = {"OPENLINEAGE_URL": listening[1].url, "OPENLINEAGE_NAMESPACE": "there"}
    built(tmp_path, own, **where)
    assert listening[0].heard == []
    assert {key for _, key, _ in listening[1].heard} == {None}  # that key is for the other host
    assert {each["job"]["namespace"] for each in listening[1].events} == {"there"}


def test_the_environment_may_forbid_it(tmp_path, listening):
    listening.append(Endpoint())
    said = f"{{url: '{listening[0].url}', file: lineage.jsonl}}"
    assert built(tmp_path, said, OPENLINEAGE_DISABLED="true").warnings == ()
    assert listening[0].heard == []
    assert not (tmp_path / "lineage.jsonl").exists()


def test_who_runs_the_build_is_above_it(tmp_path):
    above = "airflow/prod/shop.nightly/0190b2f0-2f3e-7b1c-9d1a-2b3c4d5e6f70"
    built(tmp_path, "{file: lineage.jsonl}", OPENLINEAGE_PARENT_ID=above)
    events = [json.loads(line) for line in (tmp_path / "lineage.jsonl").read_text().splitlines()]
    parent = events[0]["run"]["facets"]["parent"]
    assert parent["job"] == {"namespace": "airflow/prod", "name": "shop.nightly"}
    step = events[1]["run"]["facets"]["parent"]
    assert step["run"] == {"runId": events[0]["run"]["runId"]}
    assert step["root"]["job"] == {"namespace": "airflow/prod", "name": "shop.nightly"}


def test_what_did_not_arrive_is_sent_again(tmp_path, listening):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        gone = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        built(tmp_path, f"{{url: '{gone}', retries: 0}}")
        found = load(str(tmp_path))
        with pytest.raises(ProjectError, match="OLN002"):
            send_openlineage(found, ({"run": {"runId": "0" * 8}},))
    listening.append(Endpoint())
    project(tmp_path, f"{{url: '{listening[0].url}'}}")
    said = CliRunner().invoke(sqlpipes, ["openlineage", "--send", "--project-dir", str(tmp_path)])
    assert said.output == "6 events sent to http://127.0.0.1\n"
    (run,) = runs(load(str(tmp_path)))
    assert [each["eventType"] for each in listening[0].events][::5] == ["START", "COMPLETE"]
    facets = listening[0].events[0]["run"]["facets"]
    assert facets["sqlpipes_run"]["run_id"] == run.run_id


def test_the_command_writes_a_run_and_says_what_is_wrong(tmp_path):
    built(tmp_path, "{enabled: false, file: lineage.jsonl}")
    assert not (tmp_path / "lineage.jsonl").exists()
    at = ["--project-dir", str(tmp_path)]
    said = CliRunner().invoke(sqlpipes, ["openlineage", *at])
    assert json.loads(said.output.splitlines()[0])["eventType"] == "START"
    said = CliRunner().invoke(sqlpipes, ["openlineage", "-o", str(tmp_path / "o.jsonl"), *at])
    assert said.output.startswith("6 events appended to ")
    said = CliRunner().invoke(sqlpipes, ["openlineage", "--send", *at])
    assert (said.exit_code, "OLN004" in said.output) == (2, True)
    said = CliRunner().invoke(sqlpipes, ["openlineage", "1999", *at])
    assert (said.exit_code, "RUN002" in said.output) == (2, True)
    said = CliRunner().invoke(sqlpipes, ["openlineage", "-o", str(tmp_path), *at])
    assert (said.exit_code, "OLN002" in said.output) == (2, True)


def test_what_breaks_in_the_telling_breaks_no_build(tmp_path):
    from datetime import UTC, datetime

    from sqlpipes.api.openlineage.sending import Sending
    from sqlpipes.core.events import RunFinished
    from sqlpipes.core.outlet import Outlet
    from sqlpipes.core.status import Status

    def broken(event: object) -> Iterator[dict[str, Any]]:
        raise KeyError("whatever")

    sending = Sending(Outlet(file=str(tmp_path / "lineage.jsonl")), broken)
    sending(RunFinished("1", datetime(2024, 1, 1, tzinfo=UTC), Status.SUCCESS, 0.0))
    sending.close()
    (problem,) = sending.problems("1")
    assert problem.message.startswith("1 of 1 lineage events were not delivered")
    assert problem.message.endswith("KeyError: 'whatever'")


def test_after_three_in_a_row_the_rest_is_not_tried(tmp_path, listening):
    listening.append(Endpoint(*[500] * 1000))
    files = {f"models/m{i}.sql": "select 1 as x" for i in range(40)}
    project(tmp_path, f"{{url: '{listening[0].url}', retries: 0}}")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    message = warned(build(load(str(tmp_path))))
    assert message.startswith("86 of 86 lineage events were not delivered")
    assert len(listening[0].heard) < 20  # three, and what others were posting meanwhile
