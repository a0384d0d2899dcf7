"""Entries of a property file that are said in Python, and explicit Definitions."""

import textwrap

from read.folders import ground_of

from sqlpipes.api import load
from sqlpipes.read.python import read_python

SOURCE = """
from sqlpipes.core.definitions import Definitions, asset, entry


def source(name, **keys):
    return entry("sources", name, keys)


"""


def project(root, text, **files):
    for path, content in {"models/m.py": SOURCE + textwrap.dedent(text), **files}.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    return root


def read(root, file="models/m.py"):
    return read_python(str(root / file), ground_of(root))


def test_an_entry_is_what_yaml_says(tmp_path):
    said = "shop = source('shop', schema='raw', tables=[{'name': 'orders', 'description': 'All.'}])"
    written = load(project(tmp_path / "python", said)).graph.assets
    yaml = """
        sources:
        - name: shop
          schema: raw
          tables: [{name: orders, description: All.}]
    """
    (tmp_path / "yaml" / "models").mkdir(parents=True)
    (tmp_path / "yaml" / "models" / "s.yml").write_text(textwrap.dedent(yaml))
    same = load(tmp_path / "yaml").graph.assets
    assert list(written) == list(same) == ["shop.orders"]
    fields = ("relation", "description", "body", "version", "materialized")
    [ours], [theirs] = written.values(), same.values()
    assert [getattr(ours, f) for f in fields] == [getattr(theirs, f) for f in fields]
    assert (ours.at.file, ours.at.line) == ("models/m.py", 9)


def test_a_wrong_key_is_told_where_it_stands_in_the_call(tmp_path):
    text = """
        shop = source(
            "shop",
            tables=[{"name": "orders", "descripton": "x"}],
            schma="raw",
        )
    """
    problems = load(project(tmp_path, text)).problems
    places = {(p.at.line, p.at.column): p.message for p in problems if p.code == "CFG001"}
    assert "descripton" in places[(12, 33)]
    assert "schma" in places[(13, 5)]


def test_entries_of_a_factory_are_found_and_those_of_other_files_are_not_taken(tmp_path):
    text = "from models.other import theirs\nmine = [source(n, tables=['t']) for n in ('a', 'b')]"
    other = SOURCE + "theirs = source('other', tables=['t'])"
    root = project(tmp_path, text, **{"models/other.py": other})
    assert [entry.get("name").value for _, entry in read(root).entries] == ["a", "b"]
    assert sorted(load(root).graph.assets) == ["a.t", "b.t", "other.t"]


def test_what_a_function_of_the_file_says_is_asked_again_each_time(tmp_path):
    root = project(tmp_path, "shop = source('a', tables=['t'])")
    read(root)
    assert not list((root / ".sqlpipes/cache/python").glob("*.json"))


def test_what_the_text_says_is_remembered(tmp_path):
    text = """
        @asset
        def mine():
            return [{"n": 1}]

        everything = Definitions(assets=[mine])
    """
    root = project(tmp_path, text)
    before = read(root)
    assert len(list((root / ".sqlpipes/cache/python").glob("*.json"))) == 1
    assert read(root) == before


def test_definitions_are_the_whole_of_their_file(tmp_path):
    text = """
        shop = source("shop", tables=["orders"])
        other = source("other", tables=["orders"])

        @asset
        def mine():
            return [{"n": 1}]

        @asset
        def draft():
            return [{"n": 1}]

        everything = Definitions(assets=[mine], sources=[shop])
    """
    found = read(project(tmp_path, text))
    assert [asset.name for asset in found.assets] == ["mine"]
    assert [entry.get("name").value for _, entry in found.entries] == ["shop"]


def test_a_folders_engine_that_is_not_there_is_told_at_the_folder(tmp_path):
    project(tmp_path, "@asset\ndef a(): ...\n@asset\ndef b(): ...\n")
    (tmp_path / "sqlpipes.yml").write_text("name: x\ndefaults:\n  models: {engine: dw}\n")
    (problem,) = load(str(tmp_path), environ={}).problems
    assert (problem.code, str(problem.at)) == ("XNG001", "sqlpipes.yml:3:20")
