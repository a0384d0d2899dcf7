"""The examples in the benchmarks' docstrings hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "benchmarks"
WITH_EXAMPLES = [path.name for path in sorted(ROOT.glob("*.py")) if ">>> " in path.read_text()]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_hold(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "doctest", name], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
