"""The curves: measured on small projects, drawn so that a browser can read them."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "benchmarks"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.long
def test_every_command_has_a_line_in_the_table_and_one_in_the_plot(tmp_path: Path) -> None:
    svg = tmp_path / "growth.svg"
    asked = ["--models", "10", "20", "--repeat", "1", "--svg", str(svg)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "growth.py"), *asked],
        check=True,
        capture_output=True,
        text=True,
    )
    rows = [line.split(" | ") for line in done.stdout.splitlines()[2:]]
    assert len(rows) == 6
    assert all(len(row) == 4 for row in rows)
    drawn = ET.parse(svg).getroot()
    assert len(drawn.findall(f"{SVG}polyline")) == len(rows)
    for row in rows:
        name = row[0].strip("| ").replace("`", "")
        assert name in [text.text for text in drawn.findall(f"{SVG}text")]
