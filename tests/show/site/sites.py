"""A small project with all that a page shows, and what was written about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cli.projects import SHOP, ok, run, write

LIVELY = {
    **SHOP,
    "models/owners.yml": (
        "models:\n  - name: stg_orders\n    description: |\n      Orders, **typed**.\n\n"
        "      See <img src=x onerror=alert(1)> and `raw_orders`.\n"
        "    config:\n      meta: {tier: 1}\n      tags: [core]\n      group: sales\n"
        "    columns:\n      - {name: amount, description: 'euro, with tax'}\n"
    ),
    "models/py/forecast.py": (
        "from sqlpipes import asset\n\n\n@asset(owner='ml@acme.com', kind='ml')\n"
        "def forecast(daily, context):\n    '''Expected.'''\n"
        "    context.log_metadata(quality=0.5)\n    print('hello')\n    return daily.arrow()\n"
    ),
}


def built(root: Path, files: dict[str, str] = LIVELY, *more: str) -> Path:
    """The project, built once, with its page in `site/`."""
    write(root, files)
    run(root, "build")
    ok(root, "docs", *more)
    return root / "site"


def document(site: Path, key: str) -> Any:
    """What the page's script would hand over."""
    text = (site / "data" / f"{key}.js").read_text(encoding="utf-8")
    head = f"sqlpipes.take({json.dumps(key)},"
    assert text.startswith(head)
    assert text.endswith(")\n")
    return json.loads(text[len(head) : -2])
