"""source() and @observe: the same graph as YAML, and faults at their place."""

from __future__ import annotations

from dataclasses import fields
from textwrap import dedent

import pytest
from read.folders import asset, places, read, write

from sqlpipes.api import load

PYTHON = """
    from sqlpipes import source

    shop = source(
        "shop",
        schema="raw",
        owner="team:shop",
        tags=["a"],
        kind="erp",
        links={"wiki": "https://a.b"},
        meta={"tier": 1},
        freshness={"warn": "12h", "error": "1d", "column": "at"},
        tables=[
            {"name": "orders", "description": "All.", "columns": [{"name": "id", "checks": ["unique"]}],
             "partition": {"by": "day", "column": "day"}},
            "customers",
            {"name": "off", "enabled": False},
        ],
    )
    files = source("exports", files="raw/*.csv", changes="always", description="CSV.")
"""
YAML = """
    sources:
      - name: shop
        schema: raw
        owner: team:shop
        tags: [a]
        kind: erp
        links: {wiki: "https://a.b"}
        meta: {tier: 1}
        freshness: {warn: 12h, error: 1d, column: at}
        tables:
          - {name: orders, description: All., columns: [{name: id, checks: [unique]}],
             partition: {by: day, column: day}}
          - customers
          - {name: off, enabled: false}
      - {name: exports, files: raw/*.csv, changes: always, description: CSV.}
"""
PLACES = {"at", "path", "checks", "fqn", "settings", "body"}


def test_python_and_yaml_make_one_graph(tmp_path):
    one = read(tmp_path / "shop", {"models/m.py": PYTHON})
    assert one.problems == ()
    ours = {a.name: a for a in one.assets}
    (tmp_path / "shop/models/m.py").unlink()
    two = read(tmp_path / "shop", {"models/m.yml": YAML})
    theirs = {a.name: a for a in two.assets}
    assert list(ours) == list(theirs) == ["shop.orders", "shop.customers", "exports"]
    for name, mine in ours.items():
        other = theirs[name]
        for each in fields(mine):
            if each.name not in PLACES:
                assert getattr(mine, each.name) == getattr(other, each.name), (name, each.name)
        assert mine.body == other.body
        assert [(c.name, c.type, c.arguments) for c in mine.checks] == [
            (c.name, c.type, c.arguments) for c in other.checks
        ]


def test_it_stands_in_the_graph_and_is_remembered(tmp_path):
    write(tmp_path, {"models/m.py": PYTHON, "models/a.sql": "select * from shop.orders"})
    first, second = load(str(tmp_path)), load(str(tmp_path))
    assert first.graph.parents("a") == second.graph.parents("a") == ("shop.orders",)
    assert list((tmp_path / ".sqlpipes/cache/python").glob("*.json"))


def test_a_wrong_value_is_told_at_its_argument(tmp_path):
    text = """
        from sqlpipes import source
        a = source("a", tables=["t"], owner="nobody", changes="sometimes", freshness={"wan": "1h"})
    """
    assert places(read(tmp_path, {"models/m.py": text})) == [
        "models/m.py:3:55 CFG002",
        "models/m.py:3:37 MET001",
        "models/m.py:3:80 CFG001",
    ]


def test_a_wrong_key_is_python_s_own_error(tmp_path):
    text = "from sqlpipes import source\na = source('a', tabels=['t'])\n"
    reading = read(tmp_path, {"models/m.py": text})
    assert places(reading)[0].startswith("models/m.py:2:")
    assert "tabels" in reading.problems[0].message


OBSERVED = """
    from sqlpipes import observe, source

    @observe(source="shop.orders")
    def newest():
        return 1

    def other():
        return 2

    api = source("api", observe=other)
    shop = source("shop", tables=["orders", "customers"])
"""


def test_a_function_observes_a_source_of_yaml_or_python(tmp_path):
    reading = read(tmp_path, {"models/m.py": OBSERVED})
    assert reading.problems == ()
    bodies = {a.name: a.body.observer for a in reading.assets}
    assert bodies["shop.customers"] is None
    assert (bodies["shop.orders"].function, bodies["api"].function) == ("newest", "other")
    assert bodies["shop.orders"].load()() == 1
    assert bodies["api"].load()() == 2
    assert asset(reading, "api").relation is None
    text = "sources: [{name: far, tables: [a]}]"
    python = "from sqlpipes import observe\n@observe(source='far')\ndef f():\n    return 1\n"
    reading = read(tmp_path / "b", {"models/s.yml": text, "models/m.py": python})
    assert asset(reading, "far.a").body.observer is not None


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("@observe(source='shp.a')\ndef f(): ...", "3:5 SRC005", "did you mean 'shop.a'?"),
        ("@observe(source='x')\ndef f(): ...", "3:5 SRC005", "declare it"),
        (
            "@observe(source='shop.a')\ndef f(): ...\n@observe(source='shop')\ndef g(): ...",
            "5:5 SRC005",
            "keep one",
        ),
        ("@observe(source='shop.a')\ndef f(orders): ...", "3:5 PYT002", "`context` only"),
        ("@observe(source=3)\ndef f(): ...", "2:2 PYT001", None),
    ],
)
def test_what_observes_nothing_is_told(tmp_path, text, place, said):
    files = {
        "models/s.yml": "sources: [{name: shop, tables: [a]}]",
        "models/m.py": "from sqlpipes import observe\n" + text,
    }
    reading = read(tmp_path, files)
    assert places(reading) == [f"models/m.py:{place}"]
    assert said is None or said in reading.problems[0].hint


def test_yaml_has_no_functions(tmp_path):
    text = "sources:\n  - {name: s, observe: x, tables: [t]}"
    reading = read(tmp_path, {"models/s.yml": text})
    assert places(reading) == ["models/s.yml:2:15 SRC005"]
    assert "@observe" in reading.problems[0].hint


def test_a_decorated_function_is_still_the_function():
    namespace = {}
    exec(dedent(OBSERVED), namespace)
    assert namespace["newest"]() == 1


def test_a_function_that_cannot_be_found_again_is_told_at_once(tmp_path):
    text = """
        from sqlpipes import source

        def made():
            def inner(): ...
            return source("x", observe=inner)

        x = made()
    """
    reading = read(tmp_path, {"models/m.py": text})
    assert places(reading) == ["models/m.py:6:32 SRC005"]


def test_an_explicit_list_names_its_observers(tmp_path):
    text = """
        from sqlpipes import Definitions, observe, source

        shop = source("shop", tables=["orders"])

        @observe(source="shop.orders")
        def newest():
            return 1

        @observe(source="shop.orders")
        def unused():
            return 1

        everything = Definitions(sources=[shop], observers=[newest])
    """
    reading = read(tmp_path, {"models/m.py": text})
    assert reading.problems == ()
    assert asset(reading, "shop.orders").body.observer.function == "newest"


def test_definitions_in_hand_are_observed_as_well():
    from sqlpipes import Definitions, observe, source

    @observe(source="far.a")
    def first():
        return 1

    def second():
        return 2

    near = source("near", observe=observe(source="near")(second))
    whole = Definitions(sources=[source("far", tables=["a"]), near], observers=[first])
    graph = load(definitions=whole).graph
    assert graph.assets["far.a"].body.observer.load()() == 1
    assert graph.assets["near"].body.observer.load()() == 2


TWICE = "sources: [{name: shop, schema: raw, tables: [{name: orders, owner: a@b.c}]}]\n"


@pytest.mark.parametrize(
    "files",
    [
        {"models/a.yml": TWICE, "models/b.yml": TWICE},
        {"models/a.yml": TWICE.replace("]}]\n", ", orders]}]\n")},
        {
            "models/a.yml": TWICE,
            "models/m.py": "from sqlpipes import source\ns = source('shop', tables=['orders'])\n",
        },
        {
            "models/a.yml": "sources: [{name: x, files: raw/*.csv}]\n",
            "models/b.yml": "sources: [{name: x, files: other/*.csv}]\n",
        },
    ],
)
def test_a_source_that_is_declared_twice_is_told_with_both_places(tmp_path, files):
    write(tmp_path, {"sqlpipes.yml": "name: shop\n", **files})
    problems = load(str(tmp_path)).problems
    assert [problem.code for problem in problems] == ["DUP001"]
    (problem,) = problems
    assert problem.message.startswith("source '")
    assert problem.at
    assert problem.others
    assert problem.at != problem.others[0]
