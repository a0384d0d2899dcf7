"""The page in a real browser, opened as files: by mouse, by keys, on a phone, in the dark."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cli.projects import SHOP, ok, write
from show.site.browsing import PHONE, WIDE, accessible, looked_at, scene
from show.site.sites import LIVELY, built, document

if os.environ.get("SQLPIPES_TEST_LEG") != "browser":
    why = "the browser has a leg of its own: SQLPIPES_TEST_LEG=browser, see .ci/legs/browser"
    pytest.skip(why, allow_module_level=True)
pytestmark = pytest.mark.browser

LAYERS, MANY = 10, 100


@pytest.fixture(scope="module")
def site(tmp_path_factory, browser):
    return built(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def large(tmp_path_factory, browser):
    """A thousand models, each of which reads two of the layer before."""
    files = {"sqlpipes.yml": "name: large\n"}
    for layer in range(LAYERS):
        for i in range(MANY):
            query = "select 1 as id, 2 as amount"
            if layer:
                first, second = f"m{layer - 1}_{i}", f"m{layer - 1}_{(i * 7 + 1) % MANY}"
                query = (
                    "select a.id, a.amount + b.amount as amount"
                    f" from {first} a join {second} b using (id)"
                )
            files[f"models/layer{layer}/m{layer}_{i}.sql"] = query + "\n"
    root = tmp_path_factory.mktemp("large")
    write(root, files)
    ok(root, "docs")
    return root / "site"


@contextmanager
def opened(
    browser: Any, site: Path, route: str = "", size: tuple[int, int] = WIDE, dark: bool = False
) -> Iterator[Any]:
    """The page at a route, opened from the disk."""
    url = f"{(site / 'index.html').as_uri()}{route}"
    with looked_at(browser, url, "file:", size=size, dark=dark) as page:
        yield page


def colours(page: Any) -> int:
    """How many colours the canvas has: one if nothing is drawn."""
    return page.evaluate(
        """() => { const e = sqlpipes.canvas.element, found = new Set();
        const d = e.getContext('2d').getImageData(0, 0, e.width, e.height).data;
        for (let i = 0; i < d.length; i += 4) found.add(d[i] << 16 | d[i+1] << 8 | d[i+2]);
        return found.size }"""
    )


def test_the_graph_draws_every_asset_and_a_click_opens_what_is_known_of_it(browser, site):
    with opened(browser, site) as page:
        found = scene(page)
        assert set(found["boxes"]) == {"raw_orders", "stg_orders", "daily", "total", "forecast"}
        assert found["links"] == 4
        assert colours(page) > 10
        page.mouse.click(*found["boxes"]["daily"])
        page.get_by_role("heading", name="daily", exact=True).wait_for()
        assert "at=daily" in page.url
        found = scene(page)
        assert set(found["marked"]) == set(found["boxes"])
        page.get_by_role("link", name="Open", exact=True).click()
        page.get_by_role("heading", name="daily", level=1).wait_for()
        assert page.title() == "daily · shop"


def test_a_columns_path_lights_up_with_what_every_hop_does(browser, site):
    with opened(browser, site, "#/asset/daily") as page:
        page.get_by_role("link", name="revenue", exact=True).first.click()
        page.get_by_role("complementary", name="Path of daily.revenue").wait_for()
        found = scene(page)
        assert set(found["marked"]) == {"raw_orders", "stg_orders", "daily", "total", "forecast"}
        assert ["stg_orders", "daily", "aggregated: sum(amount)"] in found["words"]
        assert found["labels"]["raw_orders"][1] == "amount"
        panel = page.get_by_role("complementary", name="Path of daily.revenue").inner_text()
        assert "sum(amount)" in panel
        assert "stg_orders.amount" in panel
        page.get_by_role("button", name="Only this path").click()
        page.wait_for_timeout(200)
        assert "only=1" in page.url
        page.get_by_role("button", name="raw_orders.amount").click()
        page.get_by_role("complementary", name="Path of raw_orders.amount").wait_for()
    with opened(browser, site, "#/graph?at=total&column=revenue") as page:
        assert "forecast" not in scene(page)["marked"]
    with opened(browser, site, "#/graph?at=total&column=nothing") as page:
        page.get_by_text("has no column 'nothing'").wait_for()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("daily", {"daily"}),
        ("+daily", {"raw_orders", "stg_orders", "daily"}),
        ("1+daily", {"stg_orders", "daily"}),
        ("stg_orders+1", {"stg_orders", "daily"}),
        ("@daily", {"raw_orders", "stg_orders", "daily", "total", "forecast"}),
        ("stg_*", {"stg_orders"}),
        ("daily total", {"daily", "total"}),
        ("tag:finance", {"daily"}),
        ("daily+,owner:ml@acme.com", {"forecast"}),
        ("kind:seed", {"raw_orders"}),
        ("path:models/py", {"forecast"}),
        ("models/py", {"forecast"}),
        ("group:sales", {"stg_orders"}),
    ],
)
def test_a_filter_shows_what_ls_lists(browser, site, text, wanted):
    assert set(ok(site.parent, "ls", "-s", text).split()) == wanted
    with opened(browser, site) as page:
        page.get_by_role("searchbox", name="Filter assets").fill(text)
        page.wait_for_function(
            "n => sqlpipes.canvas?.scene.picture?.boxes.length === n", arg=len(wanted)
        )
        assert set(scene(page)["boxes"]) == wanted


def test_a_filter_that_the_page_cannot_answer_says_who_can(browser, site):
    with opened(browser, site) as page:
        field = page.get_by_role("searchbox", name="Filter assets")
        for text, said in (
            ("column:daily.revenue+", "sqlpipes ls -s 'column:daily.revenue'"),
            ("state:modified", "compares two versions"),
            ("nonsense", "'nonsense' matches no asset"),
            ("tga:x", "there is no method 'tga:'"),
            ("state:nice", "'nice' is no state"),
        ):
            field.fill(text)
            page.get_by_role("status").filter(has_text=said).first.wait_for()
        field.fill("state:current")
        page.wait_for_function("sqlpipes.canvas?.scene.picture?.boxes.length === 5")


def test_an_edge_that_is_chosen_is_marked_in_the_sql(browser, site):
    with opened(browser, site, "#/asset/daily") as page:
        page.get_by_role("link", name="aggregated", exact=True).click()
        page.wait_for_function("document.querySelector('#sql mark')?.innerText === 'sum(amount)'")
        page.get_by_role("link", name="copied", exact=True).click()
        page.wait_for_function("document.querySelector('#sql mark')?.innerText === 'day'")
    with opened(browser, site, "#/graph?at=total&column=revenue") as page:
        page.get_by_role("link", name="sum(amount)", exact=True).click()
        page.get_by_role("heading", name="daily", level=1).wait_for()
        assert page.locator("#sql mark").inner_text() == "sum(amount)"
    with opened(browser, site, "#/asset/daily?mark=999.1.5") as page:
        page.get_by_role("heading", name="SQL").wait_for()
        assert page.locator("mark").count() == 0


def test_folders_fold_and_unfold(browser, site):
    with opened(browser, site) as page:
        page.get_by_label("Fold", exact=True).select_option(label="By folder")
        page.wait_for_function("sqlpipes.canvas?.scene.picture?.boxes.length === 3")
        found = scene(page)
        assert set(found["boxes"]) == {"fold:models", "fold:models/py", "fold:seeds"}
        page.mouse.click(*found["boxes"]["fold:models"])
        page.wait_for_function("sqlpipes.canvas?.scene.picture?.boxes.length === 5")
        assert {"daily", "fold:seeds"} <= set(scene(page)["boxes"])


def test_colours_are_told_by_a_legend(browser, site):
    with opened(browser, site) as page:
        legend = page.get_by_role("list", name="Colours")
        assert "current" in legend.inner_text()
        page.get_by_label("Colour", exact=True).select_option(label="Kind")
        page.wait_for_function("document.querySelector('.legend').innerText.includes('python')")
        page.get_by_label("Colour", exact=True).select_option(label="Owner")
        page.wait_for_function(
            "document.querySelector('.legend').innerText.includes('ml@acme.com')"
        )


def test_search_finds_everything_by_keyboard_alone(browser, site):
    with opened(browser, site, "#/runs") as page:
        page.keyboard.press("/")
        page.keyboard.type("daily rev")
        page.get_by_role("option", name="daily.revenue").first.wait_for()
        page.keyboard.press("Enter")
        page.wait_for_url("**#/graph?at=daily&column=revenue")
        page.keyboard.press("Control+k")
        page.keyboard.type("with tax")
        page.get_by_role("option", name="stg_orders.amount").wait_for()
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
        page.keyboard.press("Control+k")
        page.keyboard.type("total")
        page.get_by_role("option", name="total").first.wait_for()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="total", level=1).wait_for()


def test_the_graph_is_walked_by_arrow_keys(browser, site):
    with opened(browser, site, "#/graph?at=daily") as page:
        scene(page)
        page.locator("canvas").focus()
        page.keyboard.press("ArrowLeft")
        page.wait_for_function("sqlpipes.canvas?.scene.chosen === 'stg_orders'")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="stg_orders", level=1).wait_for()


def test_dark_is_what_the_system_says_until_somebody_turns_it(browser, site):
    ground = "getComputedStyle(document.body).backgroundColor"
    with opened(browser, site) as page:
        light = page.evaluate(ground)
        page.get_by_role("button", name="Dark colours").click()
        assert page.evaluate(ground) != light
        page.reload()
        page.get_by_role("button", name="Light colours").wait_for()
        assert page.evaluate(ground) != light
    with opened(browser, site, dark=True) as page:
        dark = page.evaluate(ground)
        assert dark != light
        page.get_by_role("button", name="Light colours").click()
        assert page.evaluate(ground) == light


def test_an_asset_shows_its_slices_checks_sql_and_builds(browser, site):
    with opened(browser, site, "#/asset/daily") as page:
        page.get_by_role("heading", name="Slices").wait_for()
        assert page.locator(".cells .cell").count() == 3
        assert page.locator(".cells .cell").first.get_attribute("title") == "2024-01, 1: built"
        assert "not_null.revenue" in page.locator("#checks").inner_text()
        page.get_by_role("button", name="As it ran last").click()
        assert "sum(amount)" in page.locator("#sql").inner_text()
        assert page.locator("#history rect").count() == 2
    with opened(browser, site, "#/asset/stg_orders") as page:
        page.get_by_role("heading", name="Columns").wait_for()
        assert page.locator("main img").count() == 0
        assert "<img src=x" in page.locator(".prose").inner_text()
        assert page.locator(".prose strong").inner_text() == "typed"
    with opened(browser, site, "#/asset/nobody") as page:
        page.get_by_role("heading", name="There is no asset 'nobody'").wait_for()


def test_a_run_says_why_each_step_ran_and_what_it_said(browser, site):
    with opened(browser, site, "#/runs") as page:
        page.locator(".runs a").first.click()
        page.get_by_role("button", name="forecast").click()
        more = page.locator(".more")
        assert "Why it ran: never built" in more.inner_text()
        assert "hello" in more.inner_text()
        assert page.locator(".gantt li").count() == 5


@pytest.mark.parametrize("route", ["", "#/asset/daily", "#/assets", "#/runs"])
def test_nothing_is_wider_than_a_phone(browser, site, route):
    with opened(browser, site, route, PHONE) as page:
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    "route",
    ["", "#/graph?at=daily", "#/graph?at=daily&column=revenue", "#/asset/daily", "#/asset/forecast",
     "#/assets", "#/runs", "run", "search"],
)  # fmt: skip
def test_axe_finds_nothing_serious(browser, site, route, dark):
    page_of = {"run": "#/run/" + document(site, "runs")["runs"][0]["id"], "search": ""}
    with opened(browser, site, page_of.get(route, route), dark=dark) as page:
        page.wait_for_timeout(300)
        if route == "run":
            page.get_by_role("button", name="forecast").click()
        if route == "search":
            page.keyboard.press("/")
            page.keyboard.type("daily")
            page.wait_for_timeout(200)
        accessible(page)


def test_a_thousand_assets_load_and_pan(browser, large):
    with opened(browser, large) as page:
        assert len(scene(page)["boxes"]) == LAYERS  # folded by folder, as there are many
    with opened(browser, large, "#/graph?by=none") as page:
        assert len(scene(page)["boxes"]) == LAYERS * MANY
        took = page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd")
        for label, scale in (("all in sight", None), ("names in sight", 0.4)):
            if scale:
                page.evaluate(f"sqlpipes.canvas.zoom({scale} / sqlpipes.canvas.view.scale)")
            frames = page.evaluate(PAN)
            middle, worst = statistics.median(frames), max(frames)
            print(f"\n1,000 assets, {label}: {middle:.1f} ms a frame, at worst {worst:.1f}", end="")
            assert len(frames) == 60
        draw = page.evaluate(
            "(() => { const t = performance.now(); sqlpipes.canvas.paintAll();"
            " return performance.now() - t })()"
        )
        print(f"; one drawing {draw:.1f} ms; loaded in {took:.0f} ms")
    with opened(browser, large, "#/graph?at=m9_5&column=amount") as page:
        page.wait_for_function("sqlpipes.canvas?.scene.words?.length > 50")
        assert "m0_5" in scene(page)["marked"]


PAN = """() => new Promise(done => {
  const c = sqlpipes.canvas, times = []; let before = performance.now(), i = 0;
  const step = () => {
    const now = performance.now(); times.push(now - before); before = now; c.move(i % 2 ? 9 : -13, 7); i += 1;
    i < 60 ? requestAnimationFrame(step) : done(times) };
  requestAnimationFrame(step) })"""


def test_what_is_placed_in_the_browser_overlaps_nowhere_also_where_there_are_circles(browser, site):
    with opened(browser, site) as page:
        overlaps, backward = page.evaluate(PLACED)
        assert overlaps == 0
        assert backward == 0  # without circles every edge goes to the right


PLACED = """() => { let overlaps = 0, backward = 0, seed = 7;
  const random = (n) => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed % n };
  for (let round = 0; round < 60; round += 1) {
    const names = Array.from({length: 1 + random(40)}, (_, i) => 'n' + i), circles = round % 2;
    const edges = Array.from({length: random(90)}, () => [random(names.length), random(names.length)])
      .filter(([a, b]) => circles || a < b).map(([a, b]) => ['n' + a, 'n' + b]);
    const { places } = sqlpipes.layered(names, edges, [200, 48]), at = [...places.values()];
    if (at.length !== names.length) overlaps += 1;
    at.forEach((one, i) => at.slice(0, i).forEach((other) => {
      if (Math.abs(one.x - other.x) < 200 && Math.abs(one.y - other.y) < 47.9) overlaps += 1; }));
    if (!circles) for (const [a, b] of edges) if (places.get(a).x + 200 >= places.get(b).x) backward += 1;
  }
  return [overlaps, backward] }"""


def test_names_that_are_no_file_names_can_be_opened(browser, tmp_path):
    files = SHOP | {
        "models/Weird.sql": "select 1 as x\n",
        "models/a b+c.sql": 'select x from "Weird"\n',
    }
    site = built(tmp_path, files)
    with opened(browser, site) as page:
        assert {"Weird", "a b+c"} <= set(scene(page)["boxes"])
        for text in ('fqn:"a b+c"', '1+"a b+c"', '"a b+c",fqn:"a b+c"'):
            wanted = set(ok(tmp_path, "ls", "-s", text).split("\n")) - {""}
            page.get_by_role("searchbox", name="Filter assets").fill(text)
            page.wait_for_function(
                "n => sqlpipes.canvas?.scene.picture?.boxes.length === n", arg=len(wanted)
            )
            assert set(scene(page)["boxes"]) == wanted
    with opened(browser, site, "#/asset/a%20b%2Bc") as page:
        page.get_by_role("heading", name="a b+c", level=1).wait_for()
        page.get_by_role("link", name="Weird", exact=True).first.click()
        page.get_by_role("heading", name="Weird", level=1).wait_for()


def test_a_data_file_that_is_gone_is_told_and_the_rest_stays(browser, tmp_path):
    site = built(tmp_path, LIVELY)
    (site / "data/asset/daily.js").write_text("sqlpipes.take('other', {});\n")
    with opened(browser, site, "#/asset/daily") as page:
        page.get_by_role("alert").filter(has_text="cannot be read").wait_for()
        page.get_by_role("link", name="Runs").click()
        page.get_by_role("heading", name="Runs").wait_for()


def test_a_page_of_files_has_nothing_that_needs_a_server(browser, site):
    for route in ("", "#/asset/daily", "#/runs", "#/graph?at=daily"):
        with opened(browser, site, route) as page:
            page.wait_for_timeout(200)
            assert page.get_by_role("button", name="Plan").count() == 0
            assert page.locator(".link").count() == 0
