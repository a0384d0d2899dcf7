"""Take the terminal pictures of the README and the docs: real commands on the sample project.

    python scripts/terminal_pictures.py        writes docs/images/*.svg

A copy of the project is built in a temporary folder, so nothing here is touched. The pictures load
nothing from anywhere: any font of fixed width will do, as the length of each text is given.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI as DARK
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PARTS = ["models", "seeds", "raw", "macros", "tests/checks", "pyproject.toml"]
PICTURES = {
    "build": ["build"],
    "plan": ["plan"],
    "lineage": ["lineage", "monthly_sales.net_sales", "--up", "--depth", "2"],
}
WIDTH = 110
FORM = """\
<svg viewBox="0 20 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{height}"/>
</clipPath>
{lines}
</defs>
<rect y="20" width="{width}" height="{height}" rx="8" fill="#1b1f24"/>
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for part in PARTS:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, Path(folder) / part)
            elif (ROOT / part).exists():
                shutil.copy(ROOT / part, Path(folder) / part)
        for name, command in PICTURES.items():
            if name == "plan":
                touch_a_model(Path(folder))
            picture(name, command, folder)


def touch_a_model(folder: Path) -> None:
    """So that the plan has something to say: refunds below one unit no longer count."""
    path = folder / "models" / "staging" / "stg_refunds.sql"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.rstrip().rstrip(";") + "\nwhere amount >= 1\n", encoding="utf-8")


def picture(name: str, command: list[str], folder: str) -> None:
    """Run one command and keep what it showed as SVG."""
    said = terminal_output(command, folder)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True)
        console.print(Text(f"$ sqlpipes {' '.join(command)}", style="bold"))
        console.print(Text.from_ansi(said.rstrip()), soft_wrap=True)
        svg = console.export_svg(title="sqlpipes", code_format=FORM, theme=DARK)
    target = ROOT / "docs" / "images" / f"{name}.svg"
    target.parent.mkdir(exist_ok=True)
    target.write_text(svg, encoding="utf-8")
    print(target.relative_to(ROOT))


def terminal_output(command: list[str], folder: str) -> str:
    """What a command writes, in colour and without a live display."""
    code = "import sys; from sqlpipes.cli import sqlpipes; sqlpipes(sys.argv[1:], color=True)"
    ended = subprocess.run(
        [sys.executable, "-c", code, *command],
        cwd=folder,
        env={**os.environ, "COLUMNS": str(WIDTH)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    said = ended.stdout.decode()
    if ended.returncode:
        sys.exit(f"sqlpipes {' '.join(command)} ended with {ended.returncode}:\n{said}")
    return said


if __name__ == "__main__":
    main()
