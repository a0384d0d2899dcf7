"""Kill -9 at a random statement of a real process: readers see whole slices, and a build mends all."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from oracle.child import DONE, KILLED, Nursery, nursery
from oracle.test_world import settled
from oracle.world import CUTS, DAYS, SHAPES, Model, World

KINDS = sorted(CUTS)


def a_world(chance: random.Random, folder: Path) -> World:
    """Sliced in parts above each other, so that a kill mostly falls between or inside of parts."""
    models = [Model("copied", None, "sliced", chance.choice(KINDS), batch=chance.randint(1, 4))]
    for i in range(chance.randint(1, 3)):
        how = chance.choice(["sliced", "sliced", "sliced", "table", "view"])
        over = chance.choice([None, i])
        batch = chance.choice([None, 1, 3])
        cut, shape = chance.choice(KINDS), chance.choice(sorted(SHAPES))
        newest = chance.random() < 0.3
        models.append(Model(shape, over, how, cut, batch=batch, newest=newest))
    world = World(folder, models, chance.choice(["none", "day", "hour", "value", "day_by_value"]))
    # The dense hours of one day: parts of any kind have rows.
    places = [chance.choice([chance.randrange(DAYS * 4), 52 + i % 4]) for i in range(12)]
    world.create([(place, chance.choice("abc"), chance.randrange(40)) for place in places])
    return world


def happen(world: World, chance: random.Random) -> None:
    row, place, k, n = chance.randrange(20), chance.randrange(DAYS * 4), "abc", chance.randrange(40)
    verb = chance.choice(["insert", "insert", "delete", "move", "rekey", "edit", "nothing"])
    if verb == "insert":
        world.insert(place, chance.choice(k), n)
    elif verb == "delete":
        world.delete(row)
    elif verb == "move":
        world.move(row, place)
    elif verb == "rekey":
        world.rekey(row, chance.choice(k), n)
    elif verb == "edit":
        world.edit(row)
    world.log.append(verb)


def survive(nurse: Nursery, folder: Path, chance: random.Random, kills: int) -> int:
    """How many of the children died in the midst of their build."""
    world = a_world(chance, folder)
    hit = 0
    if chance.random() < 0.8:
        settled(world, world)
    for _ in range(kills):
        happen(world, chance)
        old, true = world.held(), world.truth()
        nth, after, force = chance.randint(12, 110), chance.random() < 0.5, chance.random() < 0.6
        world.log.append(f"kill at {nth}, after: {after}, force: {force}")
        code = nurse.build(world.root, world.now, nth, after=after, force=force)
        assert code in (DONE, KILLED), world
        hit += code == KILLED
        for name, slices in world.held().items():
            before = old.get(name, {})
            for key in slices.keys() | before.keys():
                both = before.get(key), true[name].get(key)
                assert slices.get(key) in both, (world, name, key, slices.get(key), both)
    settled(world, world)
    return hit


def campaign(folder: Path, seed: int, worlds: int, kills: int) -> int:
    chance = random.Random(seed)
    with nursery() as nurse:
        return sum(survive(nurse, folder / str(i), chance, kills) for i in range(worlds))


@pytest.mark.long
def test_kills_at_statements_leave_whole_slices(tmp_path: Path) -> None:
    assert campaign(tmp_path, 3, worlds=1, kills=8) >= 3


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(10))
def test_hundreds_of_kills_at_statements(tmp_path: Path, seed: int) -> None:
    assert campaign(tmp_path, seed, worlds=6, kills=10) >= 30
