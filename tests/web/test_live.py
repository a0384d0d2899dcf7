"""What others do to files and state, as a page sees it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import duckdb
import pytest
from cli.projects import ok, write
from web.serving import SHOP, another, ended, served, slow, until


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write(tmp_path / "shop", SHOP)


def states(site) -> dict[str, str]:
    return {node["name"]: node["state"] for node in site.get("/api/graph").json["nodes"]}


def test_documents_are_those_of_the_static_page(shop):
    from cli.projects import run
    from show.site.sites import document

    run(shop, "build")
    ok(shop, "docs")
    with served(shop) as site:
        graph = site.get("/api/graph").json
        keys = ["search", "runs", *(f"asset/{node['doc']}" for node in graph["nodes"])]
        keys += [f"run/{row['doc']}" for row in site.get("/api/runs").json["runs"]]
        for key in ["graph", *keys]:
            served_one, written = site.get(f"/api/{key}").json, document(shop / "site", key)
            served_one.pop("at", None), written.pop("at", None)
            assert served_one == written


def test_a_document_that_stays_is_not_sent_again(shop):
    with served(shop) as site:
        first = site.get("/api/graph")
        assert site.get("/api/graph", **{"If-None-Match": first.heads["etag"]}).status == 304
        ok(shop, "build")
        again = until(
            lambda: (a := site.get("/api/graph")).heads["etag"] != first.heads["etag"] and a
        )
        assert {node["state"] for node in again.json["nodes"]} == {"current"}


def test_a_build_in_another_process_is_seen_as_it_goes_on(shop, tmp_path):
    go = tmp_path / "go"
    write(shop, {"models/slow.py": slow(go)})
    with served(shop) as site, site.listening() as page:
        site.get("/api/graph")
        process = another(shop, "build", "--json")
        begun = page.wait_for("step", lambda data: data["step"]["asset"] == "slow")
        assert begun["step"]["status"] == "running"
        said = page.wait_for("log", lambda data: data["asset"] == "slow")
        assert said == {"run": begun["run"], "asset": "slow", "lines": ["has begun"]}
        row = page.wait_for("run", lambda data: data["done"] == 3)
        assert (row["status"], row["total"], row["mine"]) == ("running", 4, False)
        assert row["doc"] == begun["run"]
        assert states(site)["slow"] == "running"
        assert site.get(f"/api/run/{row['doc']}").json["steps"][-1]["status"] == "running"
        with site.listening() as late:
            hello = late.of("hello")[0]
            assert [(each["doc"], each["done"]) for each in hello["runs"]] == [(row["doc"], 3)]
        assert not page.of("run")[-1]["end"]
        go.write_text("")
        over = page.wait_for("run", lambda data: data["status"] == "success")
        assert (over["done"], over["total"]) == (4, 4)
        last = page.wait_for(
            "state", lambda data: data["nodes"].get("slow", {}).get("state") == "current"
        )
        assert last["nodes"]["slow"]["written_at"]
        lines = [line for data in page.of("log") for line in data["lines"]]
        assert lines == ["has begun", "may end"]
        code, told = ended(process)
        assert code == 0
        assert "step_said" not in told  # which is for who looks on
        assert set(states(site).values()) == {"current"}


def test_a_run_that_is_over_before_anybody_looks_is_told_all_the_same(shop):
    with served(shop) as site, site.listening() as page:
        ok(shop, "build")
        over = page.wait_for("run", lambda data: data["status"] == "success")
        assert over["done"] == over["total"] == 3
        assert {data["step"]["asset"] for data in page.of("step")} == {
            "raw_orders",
            "orders",
            "total",
        }


@pytest.mark.long
def test_a_step_that_fails_is_told_with_its_problem(shop):
    write(
        shop,
        {
            "models/total.sql": "/*\n---\nmaterialized: table\n---\n*/\nselect 1/0 + 'x' as t from orders\n"
        },
    )
    with served(shop) as site, site.listening() as page:
        site.get("/api/graph")
        process = another(shop, "build")
        assert ended(process)[0] == 1
        failed = page.wait_for("step", lambda data: data["step"]["status"] == "error")
        assert failed["step"]["problems"]
        page.wait_for("state", lambda data: data["nodes"].get("total", {}).get("state") == "failed")
        assert page.wait_for("run", lambda data: data["status"] == "error")


@pytest.mark.long
def test_a_build_whose_process_is_killed_is_not_shown_for_ever(shop, tmp_path):
    write(shop, {"models/slow.py": slow(tmp_path / "never")})
    with served(shop) as site, site.listening() as page:
        process = another(shop, "build")
        page.wait_for("log", lambda data: data["asset"] == "slow")
        process.kill()
        ended(process)
        over = page.wait_for("run", lambda data: data["status"] != "running")
        assert over["status"] == "interrupted"
        with site.listening() as late:
            assert late.of("hello")[0]["runs"] == []
        run = site.get(f"/api/run/{over['doc']}").json
        assert [s["log"] for s in run["steps"] if s["asset"] == "slow"] == ["has begun\n"]


def test_files_that_change_are_read_again_and_broken_ones_are_told(shop):
    with served(shop) as site, site.listening() as page:
        assert len(states(site)) == 3
        write(shop, {"models/orders.sql": "/*\n---\nmaterialised: view\n---\n*/\nselect 1 as id\n"})
        told = page.wait_for("project", lambda data: data["errors"])["errors"][0]
        assert (told["file"], told["line"]) == ("models/orders.sql", 3)
        assert "materialized" in told["hint"]
        assert len(states(site)) == 3  # the last good one
        found = site.post("/api/plan", {})
        assert (found.status, found.json["problems"][0]["code"]) == (422, told["code"])
        assert site.post("/api/builds", {}).status == 422
        with site.listening() as late:
            assert late.of("hello")[0]["errors"] == [told]
        write(shop, {**SHOP, "models/more.sql": "select * from total\n"})
        page.wait_for("project", lambda data: not data["errors"])
        assert "more" in states(site)
        assert site.get("/api/asset/more").json["inputs"] == ["total"]


def test_without_a_listener_changes_are_seen_when_something_is_asked(shop):
    with served(shop) as site:
        assert set(states(site).values()) == {"missing"}
        ok(shop, "build")
        assert set(states(site).values()) == {"current"}
        write(shop, {"models/more.sql": "select * from total\n"})
        until(lambda: states(site).get("more") == "missing")


def test_what_is_shown_asks_no_warehouse_and_no_function_of_the_users(shop):
    """A file that is no database would be told by whoever opens it."""
    with closing(duckdb.connect(str(shop / "shop.duckdb"))) as db:
        db.execute("create table outside as select 1 as x")
    asked = f"    open({str(shop / 'asked')!r}, 'a').close()\n    return '1'\n"
    write(shop, {
        "models/outside.yml": "sources:\n  - name: main\n    tables: [{name: outside}]\n",
        "models/look.py": "from sqlpipes import observe\n\n\n"
        "@observe(source='main.outside')\ndef look():\n" + asked,
        "models/inside.sql": "select x from main.outside\n",
    })  # fmt: skip
    ok(shop, "build")
    assert (shop / "asked").exists()
    (shop / "asked").unlink()
    (shop / "shop.duckdb").write_bytes(b"no database" * 1000)
    with served(shop) as site, site.listening() as page:
        assert {states(site)[name] for name in ("raw_orders", "orders", "total")} == {"current"}
        for key in ("search", "runs", "asset/total", "asset/inside"):
            assert site.get(f"/api/{key}").status == 200
        write(shop, {"models/more.sql": "select * from total\n"})
        page.wait_for("project")
        assert states(site)["more"] == "missing"
        assert not (shop / "asked").exists()
        assert site.post("/api/plan", {}).status == 422  # which looks


def test_a_state_that_is_thrown_away_is_opened_anew(shop):
    with served(shop) as site, site.listening() as page:
        ok(shop, "build")
        page.wait_for("run", lambda data: data["status"] == "success")
        ok(shop, "clean", "--state")
        ok(shop, "build", "--force")
        until(lambda: len(page.of("hello")) > 1)
        assert len(site.get("/api/runs").json["runs"]) == 1


@pytest.mark.long
def test_a_state_on_postgres_is_followed(shop, postgres_url, tmp_path):
    go = tmp_path / "go"
    write(
        shop, {"sqlpipes.yml": f"name: shop\nstate: {postgres_url}\n", "models/slow.py": slow(go)}
    )
    with served(shop) as site, site.listening() as page:
        process = another(shop, "build")
        page.wait_for("log", lambda data: data["asset"] == "slow")
        assert page.of("run")[-1]["done"] == 3
        go.write_text("")
        page.wait_for("run", lambda data: data["status"] == "success")
        assert ended(process)[0] == 0


def test_selections_are_those_of_the_command_line(shop):
    with served(shop) as site:
        assert site.get("/api/select?select=%2Btotal&exclude=orders").json == {
            "names": ["raw_orders", "total"]
        }
        assert len(site.get("/api/select").json["names"]) == 3
        found = site.get("/api/select?select=totle")
        assert found.status == 422
        assert found.json["problems"][0]["hint"] == "did you mean 'total'?"


def test_a_plan_is_that_of_the_command_line(shop):
    import json

    with served(shop) as site:
        wanted = json.loads(ok(shop, "plan", "-s", "+orders", "--json"))
        found = site.post("/api/plan", {"select": "+orders"}).json
        text = found.pop("text")
        assert found == wanted
        assert "\x1b" not in text
        assert "load seed" in text
        assert site.post("/api/plan", {"select": "nothing"}).status == 422


def test_vars_of_a_plan_are_those_of_this_plan(shop):
    write(shop, {"models/total.sql": "select 1 as t from {{ var('from', 'orders') }}\n"})
    with served(shop) as site:
        other = site.post("/api/plan", {"select": "total", "vars": {"from": "raw_orders"}})
        plain = site.post("/api/plan", {"select": "total"})
        assert "reads 'raw_orders'" in other.json["problems"][0]["message"]
        assert "reads 'orders'" in plain.json["problems"][0]["message"]


@pytest.mark.long
def test_a_secret_is_in_nothing_that_leaves(shop, monkeypatch):
    monkeypatch.setenv("SHOP_PASSWORD", "hunter2-and-more")
    write(shop, {
        "models/talks.py": (
            "import os\n\nfrom sqlpipes import asset\n\n\n@asset\ndef talks(total):\n"
            "    said = os.environ['SHOP_PASSWORD']\n    print(said)\n    raise ValueError(said)\n"
        ),
        "models/more.sql": "select 'hunter2-and-more' as x from total\n",
    })  # fmt: skip
    with served(shop) as site, site.listening() as page:
        build = site.post("/api/builds", {})
        assert build.status == 202
        page.wait_for("build", lambda data: data["status"] == "failed")
        page.wait_for("run", lambda data: data["status"] != "running")
        said = [str(page.events)]
        for key in ("graph", "search", "runs", "asset/talks", "asset/more"):
            said.append(site.get(f"/api/{key}").body.decode())
        said += [
            site.get(f"/api/run/{row['doc']}").body.decode()
            for row in site.get("/api/runs").json["runs"]
        ]
        assert all("hunter2" not in text for text in said)
        assert any("talks" in text for text in said)
