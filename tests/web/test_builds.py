"""Builds that are started from the page: real processes, one at a time, stopped as by Ctrl-C."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from cli.projects import ok, write
from web.serving import JSON, SHOP, TOKEN, another, ended, served, slow, until

from sqlpipes.api import How
from sqlpipes.web import server


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write(tmp_path / "shop", SHOP)


@pytest.fixture
def slow_shop(shop: Path, tmp_path: Path) -> Path:
    """Its last asset waits for the file `go` beside it."""
    return write(shop, {"models/slow.py": slow(tmp_path / "go")})


def test_a_selection_is_built(shop):
    with served(shop) as site, site.listening() as page:
        found = site.post("/api/builds", {"select": "+orders"})
        assert found.status == 202
        over = page.wait_for("build", lambda data: data["status"] != "running")
        assert (over["id"], over["status"], over["exit"]) == (found.json["id"], "ok", 0)
        assert over["command"].startswith("sqlpipes build --select=+orders ")
        assert any("2 done" in line for line in over["lines"])
        run = page.wait_for("run", lambda data: data["status"] == "success")
        assert over["run"] == run["doc"]
        until(lambda: site.get("/api/runs").json["runs"][0]["doc"] == run["doc"])


def test_one_that_begins_and_ends_between_two_looks_names_its_run(shop, monkeypatch):
    """Told as over without a run, the page would say that there was nothing to do, and stay where it is."""
    monkeypatch.setattr(server, "POLL_S", 4.0)
    with served(shop) as site, site.listening() as page:
        found = site.post("/api/builds", {})
        until(lambda: site.get("/api/runs").json["runs"])
        over = page.wait_for("build", lambda data: data["status"] != "running")
        assert over["id"] == found.json["id"]
        assert over["run"] == site.get("/api/runs").json["runs"][0]["doc"]
        page.wait_for("run", lambda data: data["doc"] == over["run"])


@pytest.mark.long
def test_one_that_goes_on_keeps_others_out_and_can_be_stopped(slow_shop, tmp_path):
    with served(slow_shop) as site, site.listening() as page:
        first = site.post("/api/builds", {}).json["id"]
        page.wait_for("log", lambda data: data["asset"] == "slow")
        second = site.post("/api/builds", {})
        assert (second.status, second.codes) == (409, ["UIX016"])
        assert "build" in second.json["problems"][0]["message"]
        with site.listening() as late:
            hello = late.of("hello")[0]
            assert [(b["id"], b["status"]) for b in hello["builds"]] == [(first, "running")]
            assert hello["runs"][0]["mine"]
            assert hello["builds"][0]["run"] == hello["runs"][0]["doc"]
        assert site.post("/api/builds/77/stop").status == 404
        assert site.post(f"/api/builds/{first}/stop").status == 200
        over = page.wait_for("build", lambda data: data["status"] != "running")
        assert (over["status"], over["exit"]) == ("stopped", 130)
        page.wait_for("run", lambda data: data["status"] == "cancelled")
        (tmp_path / "go").write_text("")
        until(lambda: site.post("/api/builds", {}).status == 202)
        page.wait_for("build", lambda data: data["id"] == "2" and data["status"] == "ok")


@pytest.mark.long
def test_a_build_of_somebody_else_is_named(slow_shop, tmp_path):
    with served(slow_shop) as site, site.listening() as page:
        process = another(slow_shop, "build", "--threads", "2")
        page.wait_for("log", lambda data: data["asset"] == "slow")
        found = site.post("/api/builds", {})
        assert found.status == 409
        said = found.json["problems"][0]["message"]
        assert "build --threads 2" in said
        assert str(process.pid) in said
        (tmp_path / "go").write_text("")
        assert ended(process)[0] == 0


def test_what_cannot_be_built_is_told_before_anything_starts(shop):
    with served(shop) as site:
        assert site.post("/api/builds", {"select": "totle"}).codes == ["SEL001"]
        assert site.post("/api/builds", {"select": "-s total"}).status == 422
        assert site.get("/api/runs").json["runs"] == []


@pytest.mark.long
def test_a_build_that_fails_says_so(shop):
    write(
        shop,
        {
            "models/total.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect cast('x' as int) as t\n"
        },
    )
    with served(shop) as site, site.listening() as page:
        site.post("/api/builds", {})
        over = page.wait_for("build", lambda data: data["status"] != "running")
        assert (over["status"], over["exit"]) == ("failed", 1)
        assert any("total" in line for line in over["lines"])


@pytest.mark.long
def test_values_are_no_options_and_no_shell_reads_them(shop):
    with served(shop) as site, site.listening() as page:
        wish = {"select": "total $(touch broken)", "vars": {"a": "; touch broken"}}
        assert site.post("/api/builds", {**wish, "select": "+total"}).status == 202
        page.wait_for("build", lambda data: data["status"] == "ok")
        assert site.post("/api/builds", wish).status == 422
        assert site.post("/api/builds", {"exclude": "--force"}).status == 422
        assert not (shop / "broken").exists()
        assert (
            "touch" not in page.of("build")[-1]["command"]
        )  # values of --vars are nobody's business


@pytest.mark.long
def test_options_of_the_server_are_those_of_its_builds(shop):
    write(shop, {
        "profiles.yml": "shop:\n  target: dev\n  outputs:\n    dev: {type: duckdb, path: dev.duckdb}\n"
        "    prod: {type: duckdb, path: prod.duckdb}\n",
        "models/total.sql": "select '{{ var('x') }}' as t from orders\n",
    })  # fmt: skip
    with (
        served(shop, How(str(shop), target="prod", vars={"x": "one"})) as site,
        site.listening() as page,
    ):
        assert site.post("/api/builds", {}).status == 202
        page.wait_for("build", lambda data: data["status"] == "ok")
        assert (shop / "prod.duckdb").exists()
        assert not (shop / "dev.duckdb").exists()
        assert "one" in ok(shop, "show", "total", "-t", "prod", "--vars", "x: one")


def test_read_only_shows_and_plans_and_builds_nothing(shop):
    with served(shop, read_only=True) as site:
        assert b" data-read-only>" in site.get("/").body
        assert site.post("/api/plan", {}).status == 200
        assert site.post("/api/builds", {}).codes == ["UIX017"]
        assert site.post("/api/builds/1/stop").codes == ["UIX017"]
        assert not (shop / "shop.duckdb").exists()


@pytest.mark.long
def test_the_end_of_the_server_is_that_of_its_build(slow_shop, tmp_path):
    with served(slow_shop) as site, site.listening() as page:
        site.post("/api/builds", {})
        page.wait_for("log", lambda data: data["asset"] == "slow")
    assert any("stopping the build" in line for line in site.said)
    assert '"cancelled"' in ok(slow_shop, "runs", "--json")
    (tmp_path / "go").write_text("")
    assert "1 done" in ok(slow_shop, "build")  # the rest was built before it


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="signals of another kind")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_command_serves_until_it_is_told_to_stop(slow_shop, tmp_path, number):
    from http.client import HTTPConnection

    process = another(slow_shop, "ui", "--port", "0", "--token", TOKEN)
    try:
        line = process.stdout.readline()
        assert "http://127.0.0.1:" in line
        assert TOKEN not in line
        port = int(line.split(":")[2].split("/")[0])
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", f"/?token={TOKEN}")
        cookie = connection.getresponse().getheader("set-cookie").partition(";")[0]
        connection.close()
        heads = {**JSON, "Cookie": cookie}
        connection.request("POST", "/api/builds", "{}", heads)
        assert connection.getresponse().status == 202
        connection.close()
        from cli.projects import wait_until_running

        wait_until_running(slow_shop, "slow", process)
    finally:
        process.send_signal(number)
    code, said = ended(process)
    assert code == 128 + number
    assert "stopping the build that was started here" in said
    assert "Traceback" not in said
    assert TOKEN not in said
    assert '"cancelled"' in ok(slow_shop, "runs", "--json")
    (tmp_path / "go").write_text("")
    assert "1 done" in ok(slow_shop, "build")


@pytest.mark.long
def test_a_server_that_is_killed_leaves_its_build_alone(slow_shop, tmp_path):
    from http.client import HTTPConnection

    from cli.projects import wait_until_running

    process = another(slow_shop, "ui", "--port", "0")
    line = process.stdout.readline()
    address = line.split()[1]
    port, path = int(address.split(":")[2].split("/")[0]), "/" + address.split("/")[3]
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    cookie = connection.getresponse().getheader("set-cookie").partition(";")[0]
    connection.close()
    connection.request("POST", "/api/builds", "{}", {**JSON, "Cookie": cookie})
    assert connection.getresponse().status == 202
    connection.close()
    wait_until_running(slow_shop, "slow", process)
    process.kill()
    process.communicate()
    (tmp_path / "go").write_text("")
    until(lambda: '"success"' in ok(slow_shop, "runs", "--json"), "its end")


@pytest.mark.long
def test_without_its_packages_the_command_says_which_to_install(shop):
    """In an interpreter that does not find them."""
    import subprocess
    import sys

    code = (
        "import importlib.util as u, sys\n"
        "real = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'uvicorn' else real(name, *more)\n"
        "from sqlpipes.cli import main\n"
        "sys.argv = ['sqlpipes', 'ui']\nmain()\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=shop, env=env, capture_output=True, text=True, check=False
    )
    assert found.returncode == 2
    assert "UIX003 sqlpipes ui needs uvicorn" in found.stderr
    assert "pip install 'sqlpipes[ui]'" in found.stderr
