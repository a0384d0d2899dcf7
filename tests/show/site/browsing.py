"""A page in a browser: what is on it, and what must never happen in it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

AXE = Path(__file__).parent / "vendor/axe-core/axe.min.js.gz"
WIDE, PHONE = (1440, 900), (360, 740)


@contextmanager
def looked_at(
    browser: Any,
    url: str,
    ours: str,
    *,
    size: tuple[int, int] = WIDE,
    dark: bool = False,
    allowed: Sequence[str] = (),
) -> Iterator[Any]:
    """The page of an address. Nothing may be said on its console but what is `allowed`, and nothing asked
    of what does not begin with `ours`."""
    context = browser.new_context(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if dark else "light",
        has_touch=size == PHONE,
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    wrong: list[str] = []

    def said(message: Any) -> None:
        if message.type in ("error", "warning") and not any(a in message.text for a in allowed):
            wrong.append(message.text)

    page.on("console", said)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: asked.url.startswith(ours) or wrong.append(asked.url))
    try:
        page.goto(url)
        page.wait_for_selector("header.top nav a")
        yield page
    finally:
        context.close()
    assert not wrong


def until(page: Any, said: str, seconds: float = 20.0) -> None:
    """Until an expression holds. `wait_for_function` would evaluate text in the page, which a served one
    forbids."""
    for _ in range(int(seconds / 0.05)):
        if page.evaluate(said):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"it never was so: {said}")


def scene(page: Any) -> dict[str, Any]:
    """What the canvas has drawn: boxes with their places on the screen, and which are lit."""
    until(page, "Boolean(sqlpipes.canvas && sqlpipes.canvas.frames > 0)")
    page.wait_for_timeout(120)
    return page.evaluate(
        """() => { const c = sqlpipes.canvas, s = c.scene, at = c.element.getBoundingClientRect();
        return { scale: c.view.scale, view: c.view, chosen: s.chosen, marked: s.marked && [...s.marked],
          words: (s.words || []).map(w => [w.from.id, w.to.id, w.text]),
          labels: Object.fromEntries(s.labels), links: s.picture.links.length,
          boxes: Object.fromEntries(s.picture.boxes.map(b => [b.id, [
            at.x + c.view.x + (b.x + 100) * c.view.scale,
            at.y + c.view.y + (b.y + 24) * c.view.scale]])) } }"""
    )


def accessible(page: Any) -> None:
    """An axe run without serious findings."""
    page.evaluate(gzip.decompress(AXE.read_bytes()).decode())
    asked = "axe.run(document, {resultTypes: ['violations'], preload: false})"
    serious = [
        (each["id"], each["help"], [node["html"][:120] for node in each["nodes"][:3]])
        for each in page.evaluate(asked)["violations"]
        if each["impact"] in ("serious", "critical")
    ]
    assert not serious, json.dumps(serious, indent=1)
