"""The everyday commands grow evenly with the project, and by no more a model than is known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import sqlglot.parser

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
EVEN = 3.0  # what a doubling adds over the doubling before it: 2 is even, 4 a square

MOST = {  # calls a model more; about half as many again as were counted when they were written down
    "`ls`, cold": 3_300,
    "`ls`, the second": 1_800,  # it keeps what it made of the facts
    "`ls`, warm": 350,
    "`ls`, one file changed": 350,
    "`build`, first": 13_500,
    "`build`, the second": 950,
    "`build`, nothing changed": 950,
    "`plan`, nothing changed": 950,
    "`build`, leaf changed": 700,
    "`compile leaf`": 1_050,
    "`impact --against built`": 10_000,  # it works out what a build no longer does
    "`docs`": 7_600,
}


@pytest.mark.long
def test_every_command_grows_evenly_and_costs_no_more_a_model() -> None:
    if sqlglot.parser.__file__.endswith(".py"):
        pytest.skip("sqlglot is not compiled: the calls of its parser would be counted, too")
    command = [sys.executable, str(BENCHMARKS / "calls.py"), "--models", "240", "--json"]
    said = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert said.keys() == MOST.keys()
    over = {name: found for name, found in said.items() if found["each"] > MOST[name]}
    uneven = {name: found for name, found in said.items() if found["step"] > EVEN}
    assert (over, uneven) == ({}, {})
