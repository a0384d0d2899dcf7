"""Whatever is edited of columns: one build makes all of it right, though it spares what is proven."""

from __future__ import annotations

from pathlib import Path

import pytest
from oracle.columns import follow


def test_edited_columns_are_right_with_one_build_which_spares_some(tmp_path: Path) -> None:
    spared = 0
    for seed in range(3):
        (root := tmp_path / str(seed)).mkdir()
        spared += follow(root, seed, rounds=4).spared
    assert spared > 0


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(1000, 1200))
def test_edited_columns_many_times(tmp_path: Path, seed: int) -> None:
    follow(tmp_path, seed, rounds=15)
