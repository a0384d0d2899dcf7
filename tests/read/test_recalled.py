"""Models, seeds and sources that are recalled whole: always what reading anew would give, from a file that
nobody has to trust."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import random
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from read.folders import OLD, aged, model, read, write

from sqlpipes.core.asset import Materialized
from sqlpipes.read import Reading
from sqlpipes.read.cache import content_hash
from sqlpipes.read.recalled import Recalled, _dump, _Ours

FILES = {
    "sqlpipes.yml": "name: shop\nprofile: p\ndefaults: {models: {owner: me}}\nvars: {since: 3}\n",
    "profiles.yml": "p: {target: dev, outputs: {dev: {type: duckdb}, other: {type: duckdb, schema: o}}}",
    "models/orders.sql": model(
        "checks: [{not_null: id}]", "select id, -- the key\n 2 as x from raw.o"
    ),
    "models/plain.sql": "select 1 as a, current_date as d from orders",
    "models/deep/less.sql": model("tags: [b]\nowner: you", "select a from plain where a in (1, 2)"),
    "models/days.sql": model(
        "partition: {by: day, column: d, start: 2024-01-01}\nauto: eager",
        "select d, a from plain",
    ),
    "models/merged.sql": model(
        "materialized: incremental\nunique_key: a\nindexes: [{columns: [a]}]", "select a from plain"
    ),
    "models/kept.sql": model(
        "materialized: snapshot\nunique_key: id\nupdated_at: x", "select id, x from orders"
    ),
    "models/out.sql": model("materialized: file\npath: out/x.csv", "select * from orders"),
    "models/files.sql": "select * from 'raw/x.csv'",
    "models/braces.sql": model("tags: [\"{{ env_var('TAG', 'none') }}\"]", "select 1 as b"),
    "models/jinja.sql": "select {{ var('since') }} as s",
    "models/bad.sql": model("materialised: x", "select 1 as y"),
    "models/p.yml": "models: [{name: plain, description: of p, columns: [{name: a, tests: [unique]}]}]",
    "models/q.yml": "sources: [{name: raw, tables: [{name: o, freshness: {warn_after: 1 day}}]}]\n",
    "seeds/c.csv": "a,b\n1,2\n",
    "seeds/s.yml": "seeds: [{name: c, columns: [{name: a, type: varchar}]}]",
    "tests/t.sql": "select * from orders",
}

EDITS: dict[str, Mapping[str, str | None]] = {
    "a query": {"models/plain.sql": "select 2 as a, current_date as d from orders"},
    "another of the same length": {"models/files.sql": "select * from 'raw/y.csv'"},
    "front matter": {"models/deep/less.sql": model("tags: [c]", "select a from plain")},
    "what YAML says of a model": {"models/p.yml": "models: [{name: plain, tags: [new]}]"},
    "YAML of another file": {"models/r.yml": "models: [{name: merged, description: told}]"},
    "the same name twice": {"models/r.yml": "models: [{name: plain, description: told}]"},
    "YAML that went": {"models/p.yml": None},
    "YAML with a fault": {"models/r.yml": "models: [{name: merged, descriptoin: told}]"},
    "a template now": {"models/plain.sql": "select {{ var('since') }} as a, 1 as d from orders"},
    "a source": {"models/q.yml": "sources: [{name: raw, tables: [{name: o, changes: always}]}]\n"},
    "a seed": {"seeds/c.csv": "a,b\n1,3\n"},
    "what YAML says of a seed": {"seeds/s.yml": "seeds: [{name: c, delimiter: ';'}]"},
    "defaults": {"sqlpipes.yml": "name: shop\nprofile: p\ndefaults: {models: {owner: her}}\n"},
    "defaults of a folder": {
        "sqlpipes.yml": "name: shop\nprofile: p\ndefaults: {models/deep: {schema: deep}}\n"
    },
    "another dialect": {"sqlpipes.yml": "name: shop\nprofile: p\ndialect: postgres\n"},
    "another name": {"sqlpipes.yml": "name: shop2\nprofile: p\n"},
    "another schema": {
        "profiles.yml": "p: {target: dev, outputs: {dev: {type: duckdb, schema: m}, other: {type: duckdb}}}"
    },
    "a model less": {"models/files.sql": None},
    "a model more": {"models/more.sql": "select * from plain"},
    "a folder with another name": {
        "models/deep/less.sql": None,
        "models/deeper/less.sql": "select 1 as a",
    },
    "a Python file": {
        "models/py.py": "from sqlpipes import asset\n\n\n@asset\ndef made(plain):\n    return plain\n"
    },
    "no longer enabled": {"models/days.sql": model("enabled: false", "select d, a from plain")},
    "nothing": {},
}
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"target": "other"},
    {"environ": {"TAG": "t"}},
    {"vars": {"since": 4}},
)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Its third reading recalls: the first learns facts, the second keeps what it made of them."""
    aged(write(tmp_path, FILES))
    assert not kept(tmp_path).exists()
    read(tmp_path)
    assert not kept(tmp_path).exists()
    read(tmp_path)
    return tmp_path


def kept(root: Path) -> Path:
    """What was kept of the only target that was read."""
    found = kept_of_all(root)
    assert len(found) < 2
    return found[0] if found else root / "nothing"


def kept_of_all(root: Path) -> list[Path]:
    return [*(root / ".sqlpipes/cache").glob("models-*.pickle")]


def edit(root: Path, files: Mapping[str, str | None], at: int = 0) -> None:
    for path, text in files.items():
        if text is None:
            (root / path).unlink(missing_ok=True)
        else:
            write(root, {path: text})
            os.utime(root / path, (OLD + at, OLD + at))


def is_true(root: Path, options: Mapping[str, Any], said: object = None) -> Reading:
    """What is read is what is read without anything that was kept."""
    found, anew = (read(root, **options, cache=cache) for cache in (True, False))
    assert replace(found, parsed=0) == replace(anew, parsed=0), said
    return found


def test_what_is_the_same_is_recalled_and_the_rest_is_read(shop, monkeypatch):
    found: list[Recalled] = []
    save = Recalled.save
    monkeypatch.setattr(
        Recalled, "save", lambda self, secrets: (found.append(self), save(self, secrets))
    )
    is_true(shop, {})
    left_out = {"models/braces.sql", "models/jinja.sql"}
    models = {path for path in FILES if path.startswith("models/") and path.endswith(".sql")}
    assert {key for key in found[0].kept if key in models} == models - left_out
    assert len(found[0].kept) == len(models - left_out) + 2  # the seed and the sources
    assert found[0].missed == 0


@pytest.mark.parametrize("name", EDITS)
def test_after_an_edit_it_is_what_reading_anew_gives(shop, name):
    edit(shop, EDITS[name], at=1)
    for options in (*OPTIONS, {}):
        is_true(shop, options, options)


@pytest.mark.parametrize("seed", range(12))
def test_after_edits_in_any_order(shop, seed):
    chosen = random.Random(seed)
    said = []
    for at in range(1, 9):
        name, options = chosen.choice([*EDITS]), chosen.choice(OPTIONS)
        edit(shop, EDITS[name], at)
        said.append((name, options))
        is_true(shop, options, said)


def test_neither_another_target_nor_other_vars_take_its_place(shop):
    before = kept(shop).read_bytes()
    for options in ({"vars": {"since": 4}}, {"vars": {"more": 1}}):
        is_true(shop, options)
    assert kept(shop).read_bytes() == before
    is_true(shop, {"target": "other"})
    assert len([*kept_of_all(shop)]) == 2
    assert before in {path.read_bytes() for path in kept_of_all(shop)}


def test_a_project_that_was_moved_reads_its_own_files(shop, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "shop"
    shop.rename(other)
    found = is_true(other, {})
    assert all(str(shop) not in repr(asset.body) for asset in found.assets)


def test_one_edit_does_not_write_all_anew(tmp_path):
    many = {f"models/m{i}.sql": f"select {i} as a" for i in range(100)}
    aged(write(tmp_path, many))
    read(tmp_path)
    read(tmp_path)
    before = kept(tmp_path).read_bytes()
    edit(tmp_path, {"models/m1.sql": "select 0 as a"}, at=1)
    is_true(tmp_path, {})
    assert kept(tmp_path).read_bytes() == before
    is_true(tmp_path, {})  # nothing changes any more
    after = kept(tmp_path).read_bytes()
    assert after != before
    edit(tmp_path, {f"models/m{i}.sql": "select 0 as a" for i in range(5)}, at=2)
    is_true(tmp_path, {})
    assert kept(tmp_path).read_bytes() != after


MAKER = """
from sqlpipes import Definitions, component, source


@component
class Feed:
    def build(self, context):
        return Definitions(assets=[source("feed", tables=[{{"name": "t", "description": "{}"}}])])
"""


def test_what_components_make_of_the_same_yaml_is_never_recalled(tmp_path):
    files = {"models/feed.yml": "type: Feed\n", "models/feed.py": MAKER.format("old")}
    aged(write(tmp_path, files))
    for _ in range(3):
        before = read(tmp_path)
    edit(tmp_path, {"models/feed.py": MAKER.format("new")}, at=1)
    assert before.problems == ()
    assert [asset.description for asset in before.assets] == ["old"]
    assert [asset.description for asset in is_true(tmp_path, {}).assets] == ["new"]


def test_every_class_that_is_kept_moves_the_stamp(shop):
    """Fields are kept by their place: a class that has changed must not take up what an older one left."""
    rooms = ("read", "core", "core.sql", "core.partitions")
    _, _, content = kept(shop).read_bytes().partition(b"\n")
    modules = {
        text
        for code, text, _ in pickletools.genops(content)
        if text in sys.modules and str(text).startswith("sqlpipes.")
    }
    assert "sqlpipes.core.asset" in modules
    assert {str(name).rpartition(".")[0] for name in modules} <= {
        f"sqlpipes.{room}" for room in rooms
    }


def test_a_word_of_ours_is_kept_by_its_value_whatever_this_python_would_do(monkeypatch):
    """3.11.2 makes an enum's member with getattr, which nobody who reads the file may call."""
    by_name = lambda self, protocol: (getattr, (type(self), self.name))  # noqa: E731
    monkeypatch.setattr(Materialized, "__reduce_ex__", by_name)
    content = _dump({"a": Materialized.TABLE})
    assert b"getattr" not in content
    assert _Ours(io.BytesIO(content)).load() == {"a": Materialized.TABLE}


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


class Nearly:
    """A function of ours is none of our classes."""

    def __reduce__(self) -> Any:
        from sqlpipes.read.recalled import recalled

        return recalled, ("", None, None)


@pytest.mark.parametrize("what", ["evil", "nearly", "cut", "other", "empty", "nonsense"])
def test_whatever_stands_in_the_file_it_makes_nothing_else(shop, tmp_path, what):
    header, _, content = kept(shop).read_bytes().partition(b"\n")
    mark = tmp_path / "was here"
    other = {
        "evil": pickle.dumps({"models/plain.sql": Evil(mark)}),
        "nearly": pickle.dumps({"models/plain.sql": Nearly()}),
        "cut": content[: len(content) // 2],
        "other": pickle.dumps({"models/plain.sql": ("sql", "", (), None, ())}),
        "empty": b"",
        "nonsense": b"\x80\x05nothing",
    }[what]
    stamp = header.rpartition(b" ")[0]
    kept(shop).write_bytes(stamp + b" " + content_hash(other).encode() + b"\n" + other)
    is_true(shop, {})
    assert not mark.exists()


def test_no_secret_stands_there(tmp_path):
    said = "name: shop\nsecrets: [PASSWORD]\n"
    aged(write(tmp_path, {"sqlpipes.yml": said, "models/a.sql": "select 'hunter22' as a"}))
    environ = {"PASSWORD": "hunter22"}
    for _ in range(3):
        read(tmp_path, environ=environ)
    assert not kept(tmp_path).exists() or b"hunter22" not in kept(tmp_path).read_bytes()
