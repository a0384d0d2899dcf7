"""Random projects, random edits: what impact says, held against what DuckDB makes of them."""

from __future__ import annotations

import random
import re
from collections import Counter
from pathlib import Path

import pytest
from impact.edits import Rows, Texts, built, edited, random_project

from sqlpipes.api import impact, load, save_image
from sqlpipes.core.impact import AssetImpact, Change, Effect, Impact

READS = re.compile(r"\b[rm]\d\b")


def compared(root: Path, before: Texts, after: Texts) -> Impact:
    image = str(root / "before.json")
    write(root, before)
    save_image(load(str(root), cache=False), image)
    write(root, after)
    return impact(load(str(root), cache=False), image)


def write(root: Path, texts: Texts) -> None:
    models = root / "models"
    models.mkdir(exist_ok=True)
    for file in models.iterdir():
        file.unlink()
    for name, sql in texts.sql.items():
        (models / f"{name}.sql").write_text(sql)


def wrong(found: Impact, after: Texts, rows: dict[str, Rows], now: dict[str, Rows]) -> list[str]:
    """What was said and is not so. Of what did not build before, nothing is promised."""
    said = {each.asset: each for each in found.assets}
    faults: list[str] = []
    for name in rows.keys() & now.keys():
        was, has, each = rows[name], now[name], said.get(name)
        if was is None:
            continue
        if each is not None and each.effect is Effect.BREAKS and has is not None:
            faults.append(f"{name} breaks and builds")
        if is_quiet(each) and has is None:
            if any(now.get(above) is None for above in READS.findall(after.sql[name])):
                continue  # what it reads cannot be built, which no text may tell
            faults.append(f"{name} is untouched and does not build")
        elif is_quiet(each) and has != was:
            faults.append(f"{name} is untouched and has other rows")
        elif each is not None and has is not None:
            faults += untold(name, each, was, has)
    return faults


def is_quiet(each: AssetImpact | None) -> bool:
    if each is None:
        return True
    quiet = each.effect in (Effect.UNTOUCHED, Effect.NONE)
    return quiet and each.change in (None, Change.SAME)


def untold(
    name: str, each: AssetImpact, was: dict[str, Counter[object]], has: dict[str, Counter[object]]
) -> list[str]:
    """Columns that moved although only others were told."""
    if each.rows or "*" in each.touched or each.effect in (Effect.UNKNOWN, Effect.BREAKS):
        return []
    if each.change is Change.ADDED:
        return []
    told = {change.column for change in each.columns} | {change.was for change in each.columns}
    told |= set(each.touched)
    return [
        f"{name}.{column} moved and was not told"
        for column in was.keys() | has.keys()
        if column and column not in told and was.get(column) != has.get(column)
    ]


def tried(root: Path, seed: int, counts: Counter[str]) -> None:
    rng = random.Random(seed)
    before = random_project(rng)
    after = edited(rng, before)
    rows, now = built(before), built(after)
    found = compared(root, before, after)
    for each in found.assets:
        if rows.get(each.asset) is not None and each.effect is not Effect.NONE:
            has = now.get(each.asset)
            how = "fails" if has is None else "moved" if has != rows[each.asset] else "the same"
            counts[f"{each.effect}, {how}"] += 1
    faults = wrong(found, after, rows, now)
    assert not faults, (faults, before.sql, after.sql)


def test_what_is_said_is_so(tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    for seed in range(20):
        tried(tmp_path, seed, counts)
    assert {key.split(",")[0] for key in counts} >= {"breaks", "touched", "untouched"}


@pytest.mark.nightly
def test_what_is_said_is_so_many_times(tmp_path: Path) -> None:
    counts: Counter[str] = Counter()
    for seed in range(20, 3000):
        tried(tmp_path, seed, counts)
    print(counts)
