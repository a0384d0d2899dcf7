"""Take the pictures of the page that stand in the docs: the sample project, in Debian's Chromium.

    pip install playwright && apt-get install chromium
    python scripts/page_pictures.py            writes docs/images/page-*.png

A copy of the project is built in a temporary folder, so nothing here is touched.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright
from terminal_pictures import PARTS, ROOT

SIZE = {"width": 1280, "height": 720}
PICTURES = {  # name: where, and light or dark
    "page-column": ("#/graph?at=daily_sales&column=net_sales&only=1", "light"),
    "page-asset": ("#/asset/daily_sales", "dark"),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        for part in PARTS:
            source, target = ROOT / part, project / part
            target.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy)(source, target)
        for command in ("build", "docs"):
            told = [sys.executable, "-m", "sqlpipes", command]
            subprocess.run(told, cwd=project, check=True, capture_output=True)
        take(project / "site" / "index.html", ROOT / "docs" / "images")


def take(page: Path, images: Path) -> None:
    flags = ["--no-sandbox", "--disable-gpu"]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=flags)
        for name, (route, colours) in PICTURES.items():
            context = browser.new_context(viewport=SIZE, color_scheme=colours)
            view = context.new_page()
            view.goto(page.as_uri() + route)
            view.wait_for_timeout(1000)
            view.screenshot(path=images / f"{name}.png")
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
