"""The page as `sqlpipes ui` serves it: builds are followed as they go, planned, started and stopped."""

from __future__ import annotations

import os
import re

import pytest
from cli.projects import SHOP, ok, run, spawn, wait_until_running, write
from show.site.browsing import PHONE, accessible, scene, until
from show.site.served import Served, ended, gated, let_on

if os.environ.get("SQLPIPES_TEST_LEG") != "browser":
    why = "the browser has a leg of its own: SQLPIPES_TEST_LEG=browser, see .ci/legs/browser"
    pytest.skip(why, allow_module_level=True)
pytestmark = pytest.mark.browser

TOO_WIDE = """() => [...document.querySelectorAll("header.top *, dialog *, .going *")]
  .filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".hidden"))
  .map(e => e.outerHTML.slice(0, 90))"""
AT_END = "(e => e.scrollHeight - e.scrollTop - e.clientHeight)(document.querySelector('pre.log'))"


@pytest.fixture
def shop(tmp_path, browser):
    """A built shop with a gate that is open, and its server."""
    gated(tmp_path)
    let_on(tmp_path)
    assert run(tmp_path, "build").exit_code == 0
    served = Served(tmp_path)
    yield served
    served.stop()


@pytest.fixture
def closed(tmp_path, browser):
    """A shop that was never built, whose gate is closed, and its server."""
    served = Served(gated(tmp_path))
    yield served
    let_on(tmp_path)
    served.stop()


def state_of(asset: str, state: str) -> str:
    return (
        f"sqlpipes.stateOf(sqlpipes.live.graph.nodes.find(n => n.name === {asset!r})) === {state!r}"
    )


def test_a_build_of_another_process_is_followed_from_its_first_step_to_its_end(browser, closed):
    with closed.page(browser) as page:
        page.evaluate("window.notReloaded = true")
        assert set(scene(page)["labels"]) >= {"gate", "after"}
        page.evaluate("sqlpipes.canvas.move(37, 21)")
        view = scene(page)["view"]
        build = spawn(closed.root, "build")
        page.get_by_role("link", name=re.compile("Building")).wait_for()
        until(page, "sqlpipes.canvas.scene.pulsing.has('gate')")
        until(page, state_of("stg_orders", "current"))
        assert scene(page)["labels"]["gate"][1] == "table · running"
        assert scene(page)["view"] == view
        page.get_by_role("link", name=re.compile("Building")).click()
        page.get_by_role("heading", name="Run").wait_for()
        step = page.locator(".gantt button", has_text="gate")
        assert "is-live" in step.get_attribute("class")
        page.get_by_role("progressbar").wait_for()
        step.click()
        assert "never built" in page.locator(".more").inner_text()
        log = page.get_by_role("log", name="Log of gate")
        log.get_by_text("still waiting 30").wait_for()
        until(page, f"{AT_END} < 2")
        page.evaluate("document.querySelector('pre.log').scrollTop = 0")
        until(page, "/still waiting 60/.test(document.querySelector('pre.log').innerText)")
        assert page.evaluate("document.querySelector('pre.log').scrollTop") == 0
        let_on(closed.root)
        page.locator(".gantt button.tone-success", has_text="after").wait_for()
        page.locator("h1 ~ .chips .tone-success").wait_for()
        assert page.get_by_role("progressbar").count() == 0
        assert "still waiting 0" in page.locator(".more").inner_text()
        page.get_by_role("link", name="Graph", exact=True).click()
        until(page, state_of("gate", "current"))
        assert page.evaluate("window.notReloaded")
        assert ended(build) == 0


def test_what_goes_on_stands_above_the_runs(browser, closed):
    build = spawn(closed.root, "build")
    wait_until_running(closed.root, "gate", build)
    with closed.page(browser, "#/runs") as page:
        going = page.get_by_role("region", name="Going on now")
        going.get_by_role("progressbar").wait_for()
        going.get_by_role("link", name="gate").wait_for()
        assert going.get_by_role("button", name="Stop").count() == 0  # it is another's
        let_on(closed.root)
        page.get_by_role("link", name=re.compile("built")).wait_for()
        going.wait_for(state="detached")
        assert page.locator(".runs li").count() == 1
    assert ended(build) == 0


def test_a_selection_is_planned_and_built_from_the_page(browser, shop):
    with shop.page(browser, "#/asset/daily") as page:
        page.get_by_role("button", name="Plan").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_text("Nothing has to run").wait_for()
        assert dialog.get_by_role("button", name="Build").is_disabled()
        (shop.root / "models/total.sql").write_text("select max(revenue) as revenue from daily\n")
        dialog.get_by_role("button", name="With what reads it").click()
        dialog.get_by_text("SQL changed").wait_for()
        assert dialog.get_by_role("textbox", name="Assets").input_value() == "daily+"
        dialog.get_by_text("sqlpipes build -s daily+", exact=True).wait_for()
        dialog.get_by_role("button", name="Build").click()
        page.wait_for_url("**#/run/**")
        page.locator("h1 ~ .chips .tone-success").wait_for()
        assert page.locator(".gantt li").count() == 1
        assert "--select=daily+" in page.locator("h1 ~ .chips code").inner_text()
        assert page.get_by_role("dialog").count() == 0
    assert "total" in ok(shop.root, "runs", "show")


def test_a_plan_is_narrowed_and_a_full_refresh_is_warned_of(browser, shop):
    with shop.page(browser, "#/graph?select=daily", allowed=["422"]) as page:
        page.get_by_role("button", name="Plan these").click()
        dialog = page.get_by_role("dialog")
        assert dialog.get_by_role("textbox", name="Assets").input_value() == "daily"
        dialog.get_by_label("Full refresh").check()
        dialog.get_by_role("alert").filter(has_text="written anew from nothing").wait_for()
        slices = dialog.get_by_role("textbox", name="Slices")
        slices.fill("2024-01-02")
        dialog.get_by_role("cell", name="1 slice").wait_for()
        slices.fill("2024-01-09")
        dialog.locator("#partitions-says.is-bad").wait_for()
        assert dialog.get_by_role("button", name="Write").is_disabled()
        slices.fill("")
        dialog.get_by_role("textbox", name="Assets").fill("dayly")
        dialog.get_by_text("did you mean 'daily'").wait_for()
        page.keyboard.press("Escape")
        dialog.wait_for(state="detached")
        assert page.evaluate("document.activeElement.innerText") == "Plan these…"


def test_assets_are_picked_in_the_graph_and_planned_together(browser, shop):
    with shop.page(browser) as page:
        boxes = scene(page)["boxes"]
        page.keyboard.down("Shift")
        page.mouse.click(*boxes["daily"])
        page.mouse.click(*boxes["gate"])
        page.keyboard.up("Shift")
        page.get_by_text("2 picked").wait_for()
        page.locator(".picked").get_by_role("button", name="Plan").click()
        field = page.get_by_role("dialog").get_by_role("textbox", name="Assets")
        assert field.input_value() == "daily gate"
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Pick none").click()
        page.locator(".picked").wait_for(state="detached")


def test_all_of_it_by_keyboard(browser, shop):
    (shop.root / "models/total.sql").write_text("select min(revenue) as revenue from daily\n")
    with shop.page(browser, "#/asset/total") as page:
        page.get_by_role("button", name="Plan").focus()
        page.keyboard.press("Enter")
        page.get_by_role("dialog").get_by_text("SQL changed").wait_for()
        assert page.evaluate("document.activeElement.getAttribute('name')") == "select"
        page.wait_for_selector("dialog button[type=submit]:not([disabled])")
        page.keyboard.press("Control+Enter")
        page.locator("h1 ~ .chips .tone-success").wait_for()


def test_a_build_is_stopped_as_by_ctrl_c_after_a_question(browser, closed):
    with closed.page(browser, "#/runs") as page:
        page.get_by_role("button", name="Plan").click()
        page.get_by_role("dialog").get_by_role("button", name="Build").click()
        page.wait_for_url("**#/run/**")
        page.locator(".gantt .is-live", has_text="gate").wait_for()
        page.get_by_role("button", name="Stop").click()
        page.get_by_role("button", name="Let it go on").click()
        assert page.get_by_role("progressbar").count() == 1
        page.get_by_role("button", name="Stop").click()
        page.get_by_role("button", name="Stop the build").click()
        page.get_by_role("progressbar").wait_for(state="detached")
        assert page.locator("h1 ~ .chips .tone-success").count() == 0
        assert page.locator(".gantt button.tone-success", has_text="raw_orders").count() == 1
        assert page.locator(".gantt button.tone-success", has_text="gate").count() == 0
    assert "gate" in ok(closed.root, "plan")


def test_while_another_builds_the_plan_says_so_and_is_made_when_it_has_ended(browser, closed):
    build = spawn(closed.root, "build")
    wait_until_running(closed.root, "gate", build)
    with closed.page(browser, "#/asset/stg_orders", allowed=["409", "422"]) as page:
        page.get_by_role("button", name="Plan").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("alert").filter(has_text="Another build is under way").wait_for()
        assert dialog.get_by_role("button", name="Build").is_disabled()
        let_on(closed.root)
        dialog.get_by_text("Nothing has to run").wait_for()
    assert ended(build) == 0


def test_problems_in_files_stand_above_the_last_good_project_until_they_are_mended(browser, shop):
    path = shop.root / "models/total.sql"
    good = path.read_text()
    with shop.page(browser, "#/asset/total") as page:
        path.write_text("select sum(revenue as revenue from daily\n")
        banner = page.get_by_role("alert").filter(has_text="in the project's files")
        banner.get_by_text("models/total.sql:1:").wait_for()
        banner.get_by_text("hint:").wait_for()
        page.get_by_role("heading", name="total", level=1).wait_for()
        path.write_text(good)
        banner.wait_for(state="detached")
        write(shop.root, {"models/fresh.sql": "select revenue from total\n"})
        page.get_by_role("link", name="fresh").wait_for()


def test_names_and_messages_are_text_whatever_they_say(browser, shop):
    write(shop.root, {"models/evil.sql": 'select 1 as "<img src=x onerror=alert(1)>", nobody.x\n'})
    with shop.page(browser) as page:
        page.wait_for_timeout(1500)
        assert page.locator("main img, .banner img, dialog img").count() == 0


def test_the_page_goes_on_by_itself_when_the_server_is_back(browser, shop):
    lost = ["ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY", "ERR_NETWORK"]
    with shop.page(browser, "#/asset/total", allowed=lost) as page:
        page.evaluate("window.notReloaded = true")
        shop.stop()
        page.wait_for_selector(".link-reconnecting, .link-offline")
        page.get_by_role("heading", name="total", level=1).wait_for()
        (shop.root / "models/total.sql").write_text("select 1 as newer from daily\n")
        shop.start()
        page.wait_for_selector(".link-live", state="attached")
        page.get_by_role("link", name="newer", exact=True).wait_for()
        assert page.evaluate("window.notReloaded")


def test_who_has_an_old_token_is_told_where_the_new_one_is(browser, shop):
    lost = ["ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY", "ERR_NETWORK", "403"]
    with shop.page(browser, "#/asset/total", allowed=lost) as page:
        shop.stop()
        shop.start("another-token-of-the-tests")
        page.get_by_role("alert").filter(has_text="wants another token").wait_for()
        page.get_by_role("heading", name="total", level=1).wait_for()


def test_what_failed_is_told_and_planned_again(browser, shop):
    path = shop.root / "models/total.sql"
    head = "/*\n---\nmaterialized: table\n---\n*/\n"
    path.write_text(head + "select error('boom: ' || sum(revenue)) as y from daily\n")
    with shop.page(browser, "#/asset/total") as page:
        page.get_by_role("button", name="Plan").click()
        page.get_by_role("dialog").get_by_role("button", name="Build").click()
        page.locator("h1 ~ .chips .tone-error").wait_for()
        page.locator(".gantt button.tone-error", has_text="total").click()
        page.locator(".problem").filter(has_text="models/total.sql").wait_for()
        page.get_by_role("button", name="Plan what failed").click()
        field = page.get_by_role("dialog").get_by_role("textbox", name="Assets")
        assert field.input_value() == "total"
        page.keyboard.press("Escape")
        page.get_by_role("link", name="Graph", exact=True).click()
        until(page, state_of("total", "failed"))


def test_a_filter_that_needs_the_whole_grammar_is_asked_from_the_server(browser, shop):
    with shop.page(browser, allowed=["422"]) as page:
        field = page.get_by_role("searchbox", name="Filter assets")
        field.fill("column:daily.revenue+")
        until(page, "sqlpipes.canvas.scene.picture.boxes.length < 6")
        listed = set(ok(shop.root, "ls", "-s", "column:daily.revenue+").split())
        assert set(scene(page)["boxes"]) == listed
        field.fill("config.nothing:x")
        page.locator("#filter-says.is-wrong").wait_for()
        field.fill("daily")
        until(page, "sqlpipes.canvas.scene.picture.boxes.length === 1")


def test_who_may_only_read_plans_and_cannot_build(browser, tmp_path):
    served = Served(write(tmp_path, SHOP), "--read-only")
    try:
        with served.page(browser) as page:
            page.get_by_role("button", name="Plan").click()
            dialog = page.get_by_role("dialog")
            dialog.get_by_text("never built").first.wait_for()
            assert dialog.get_by_role("button", name="Build").count() == 0
    finally:
        served.stop()


@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_serious_in_what_is_live(browser, closed, dark):
    with closed.page(browser, "#/runs", dark=dark, allowed=["422"]) as page:
        page.get_by_role("button", name="Plan").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Full refresh").check()
        dialog.get_by_role("cell", name="full refresh").first.wait_for()
        accessible(page)
        dialog.get_by_role("textbox", name="Assets").fill("nothing")
        dialog.locator(".is-bad").first.wait_for()
        accessible(page)
        dialog.get_by_label("Full refresh").uncheck()
        dialog.get_by_role("textbox", name="Assets").fill("+after")
        page.wait_for_selector("dialog button[type=submit]:not([disabled])")
        dialog.get_by_role("button", name="Build").click()
        page.locator(".gantt .is-live", has_text="gate").click()
        write(closed.root, {"models/broken.sql": "select ( from x\n"})
        page.locator(".banner").wait_for()
        accessible(page)
        page.get_by_role("button", name="Stop").click()
        accessible(page)
        page.get_by_role("button", name="Let it go on").click()
        for route in ("#/runs", "#/graph?at=gate"):
            page.goto(closed.url + route)
            page.wait_for_timeout(300)
            accessible(page)


@pytest.mark.parametrize("route", ["#/graph?at=gate", "#/runs", "run", "plan"])
def test_nothing_that_is_live_is_wider_than_a_phone(browser, closed, route):
    build = spawn(closed.root, "build")
    wait_until_running(closed.root, "gate", build)
    with closed.page(browser, "#/runs", size=PHONE, allowed=["409"]) as page:
        if route == "run":
            page.get_by_role("link", name=re.compile("Building")).click()
        elif route == "plan":
            page.get_by_role("button", name="Plan").click()
        else:
            page.goto(closed.url + route)
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        assert page.evaluate(TOO_WIDE) == []
    let_on(closed.root)
    assert ended(build) == 0
