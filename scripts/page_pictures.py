"""Take the pictures of the page for the README and the docs: the sample project, in Debian's Chromium.

    pip install playwright && apt-get install chromium
    python scripts/page_pictures.py            writes docs/images/page-*.png

A copy of the project is built in a temporary folder, so nothing here is touched. Those of the served page
show a build that goes on: in the copy, one asset waits until they are taken.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from terminal_pictures import PARTS, ROOT

SIZE = {"width": 1280, "height": 720}
TALL = {"width": 1280, "height": 920}
FLAGS = ["--no-sandbox", "--disable-gpu"]
IMAGES = ROOT / "docs" / "images"
OF_FILES = {  # name: where, and light or dark
    "page-column": ("#/graph?at=daily_sales&column=net_sales&only=1", "light"),
    "page-asset": ("#/asset/daily_sales", "dark"),
}
WAITS, AFTER = "demand_forecast", "    forecasts = []\n"
WAIT = """\
    import itertools, pathlib, time
    for n in itertools.count(1):
        print(f"{{len(rows['units']):,}} rows read, waiting since {{n}} s")
        time.sleep(1)
        if pathlib.Path({go!r}).exists():
            break
"""
EDITED = "models/staging/stg_refunds.sql"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as play:
        project = Path(folder)
        for part in PARTS:
            source, target = ROOT / part, project / part
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for command in ("build", "docs"):
            told = [sys.executable, "-m", "sqlpipes", command]
            subprocess.run(told, cwd=project, check=True, capture_output=True)
        for name, (route, colours) in OF_FILES.items():
            with looked_at(browser, colours) as view:
                view.goto((project / "site" / "index.html").as_uri() + route)
                take(view, name)
        make_it_wait(project)
        with served(project) as url, looked_at(browser, "light") as view:
            take_live(view, url)
        (project / "go").touch()
        browser.close()


def make_it_wait(project: Path) -> None:
    """One asset goes on until a file is there, and one has changed."""
    path = next(project.glob(f"models/**/{WAITS}.py"))
    path.write_text(path.read_text().replace(AFTER, WAIT.format(go=str(project / "go")) + AFTER))
    edited = project / EDITED
    edited.write_text(edited.read_text().rstrip() + "\nwhere true\n")


@contextmanager
def served(project: Path) -> Iterator[str]:
    """`sqlpipes ui` of a project: the address that it prints."""
    told = [sys.executable, "-m", "sqlpipes", "ui", "--port", "0", "--no-open"]
    process = subprocess.Popen(told, cwd=project, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = (re.search(r"http://\S+token=\S+", line) for line in process.stdout)
    try:
        yield next(match[0] for match in found if match)
    finally:
        (project / "go").touch()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def take_live(view: Page, url: str) -> None:
    """What would be built, a run that goes on, and the graph meanwhile."""
    view.goto(url + "#/asset/stg_refunds")
    view.get_by_role("button", name="Plan").click()
    view.get_by_role("button", name="With what reads it").click()
    view.wait_for_selector("dialog button[type=submit]:not([disabled])")
    take(view, "page-plan")
    view.locator("dialog button[type=submit]").click()
    view.locator(".gantt .is-live", has_text=WAITS).click()
    view.wait_for_timeout(4000)
    view.mouse.move(0, 0)
    view.set_viewport_size(TALL)
    take(view, "page-live")
    view.set_viewport_size(SIZE)
    view.emulate_media(color_scheme="dark")
    view.get_by_role("link", name="Graph", exact=True).click()
    take(view, "page-graph")


@contextmanager
def looked_at(browser: Any, colours: str) -> Iterator[Page]:
    context = browser.new_context(viewport=SIZE, color_scheme=colours)
    yield context.new_page()
    context.close()


def take(view: Page, name: str) -> None:
    view.wait_for_timeout(1000)
    view.screenshot(path=IMAGES / f"{name}.png")
    print(name, os.path.getsize(IMAGES / f"{name}.png"))


if __name__ == "__main__":
    main()
