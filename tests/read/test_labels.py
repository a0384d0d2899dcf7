"""Owners, kinds and links: the same in front matter, YAML, folder defaults and Python."""

from __future__ import annotations

from textwrap import dedent

import pytest
from read.folders import asset, model, only, places, read

from sqlpipes.api import load
from sqlpipes.read.labels import owner_fault


@pytest.mark.parametrize(
    "owner",
    ["ml@acme.com", "first.last+tag@sub.acme.co.uk", "team:data", "team:data-eng_1.x", "team:a/b"],
)
def test_an_owner_is_an_address_or_a_team(owner):
    assert owner_fault(owner, None) is None


@pytest.mark.parametrize(
    ("owner", "hint"),
    [
        ("data", "write 'team:data', or an e-mail address such as data@acme.com"),
        ("Data Platform", "write 'team:data-platform'"),
        ("@drew", "write 'team:data', or"),
        ("ann@acme", "write 'team:ann', or an e-mail address such as ann@acme.com"),
        ("teams:data", "did you mean 'team:data'?"),
        ("Team: data", "did you mean 'team:data'?"),
        ("team:", "a team is written team:name"),
        ("a@b.c, d@e.f", "e-mail address"),
        ("Ann <ann@acme.com>", "e-mail address"),
    ],
)
def test_any_other_is_told_with_what_was_meant(tmp_path, owner, hint):
    problem = only(read(tmp_path, {"models/a.sql": model(f"owner: '{owner}'")}))
    assert (problem.code, str(problem.at)) == ("MET001", "models/a.sql:3:8")
    assert hint in problem.hint


def test_each_of_a_list_stands_at_its_own_place(tmp_path):
    front = (
        "owners:\n  - ann@acme.com\n  - bob\n  - {name: Data, email: data@acme.com}\n  - {name: x}"
    )
    reading = read(tmp_path, {"models/a.sql": model(front)})
    assert asset(reading, "a").owners == ("ann@acme.com", "data@acme.com")
    assert places(reading) == ["models/a.sql:5:5 MET001", "models/a.sql:7:12 MET001"]


def test_folder_defaults_are_looked_at_once_even_above_python_only(tmp_path):
    files = {
        "sqlpipes.yml": "name: shop\ndefaults:\n  models: {owner: data, links: [wiki]}\n",
        "models/m.py": "from sqlpipes import asset\n@asset\ndef a():\n    return [{'n': 1}]\n",
    }
    read(tmp_path, files)
    problems = load(str(tmp_path)).problems
    assert [(p.code, str(p.at)) for p in problems] == [
        ("MET001", "sqlpipes.yml:3:19"),
        ("MET002", "sqlpipes.yml:3:33"),
    ]


def test_python_tells_the_place_in_the_decorator(tmp_path):
    text = """
        from sqlpipes import Out, asset, assets

        @asset(
            owners=["ann@acme.com", "data"],
            links={"wiki": "wiki.acme.com"},
        )
        def a():
            return [{"n": 1}]

        @assets(outs={"b": Out(owner="bob"), "c": Out()}, owner="team:x")
        def both():
            return {}
    """
    reading = read(tmp_path, {"models/m.py": text})
    assert places(reading) == [
        "models/m.py:5:29 MET001",
        "models/m.py:6:20 MET002",
        "models/m.py:11:30 MET001",
    ]
    assert asset(reading, "c").owners == ("team:x",)
    hint = reading.problems[1].hint
    assert hint == "write 'https://wiki.acme.com', with what goes before the colon"


def test_kinds_and_links_say_the_same_everywhere(tmp_path):
    files = {
        "models/one.sql": model("kind: [ml, report]\nlinks: {wiki: 'https://a.b', run: 'x://y'}"),
        "models/two.sql": "select 1 as n",
        "models/m.py": dedent("""
            from sqlpipes import asset

            @asset(kind=["ml", "report"], links={"wiki": "https://a.b", "run": "x://y"})
            def three():
                return [{"n": 1}]
        """),
        "models/p.yml": "models:\n  - name: two\n    kinds: [ml, report]\n"
        "    links: {wiki: 'https://a.b', run: 'x://y'}\n",
    }
    reading = read(tmp_path, files)
    assert reading.problems == ()
    for name in ("one", "two", "three"):
        found = asset(reading, name)
        assert (found.kinds, found.links) == (
            ("ml", "report"),
            {"wiki": "https://a.b", "run": "x://y"},
        )


def test_links_of_all_places_add_up_and_a_list_names_itself(tmp_path):
    files = {
        "sqlpipes.yml": "defaults: {models: {links: {wiki: 'https://old', home: 'https://h'}}}",
        "models/a.sql": model("links: {wiki: 'https://new'}"),
        "models/b.sql": model("links: ['https://x']"),
        "models/c.sql": model("links: 3"),
    }
    reading = read(tmp_path, files)
    assert asset(reading, "a").links == {"wiki": "https://new", "home": "https://h"}
    assert asset(reading, "b").links["https://x"] == "https://x"
    assert places(reading) == ["models/c.sql:3:8 CFG002"]


def test_what_is_said_of_an_asset_makes_no_other_version(tmp_path):
    plain = asset(read(tmp_path, {"models/a.sql": model("tags: x")}), "a").version
    said = model("tags: x\nowner: team:a\nkind: ml\nlinks: ['https://a.b']")
    assert asset(read(tmp_path, {"models/a.sql": said}), "a").version == plain
