"""Histories that once went wrong, each shrunk to what it takes."""

from __future__ import annotations

import pytest
from oracle.test_oracle import check_history

from sqlpipes.api import Ask

HISTORIES = {
    "a source changes before a build of something else": [
        ("build", Ask()),
        ("add_event", "b"),
        ("build", Ask(select=("daily",), force=True)),
    ],
    "a relation is dropped before a build of something else": [
        ("build", Ask()),
        ("drop", "events_per_key"),
        ("build", Ask(select=("daily",), force=True)),
    ],
    "a source changes before a build that fails": [
        ("build", Ask()),
        ("add_event", "b"),
        ("poison", "a"),
    ],
    "the first slice moves": [
        ("build", Ask()),
        ("edit", "daily", 2),
    ],
    "the first slice moves and a part is built": [
        ("build", Ask()),
        ("edit", "daily", 2),
        ("build", Ask(select=("daily",), partitions="2024-01-04..2024-01-06")),
    ],
}


@pytest.mark.parametrize("name", HISTORIES)
def test_history(name):
    check_history(HISTORIES[name])
