"""Named selectors: every form a definition can take, inheritance, defaults, and their faults."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from decide.graphs import asset, check, graph

from sqlpipes.core.errors import Location, Problem, ProjectError
from sqlpipes.core.graph import Graph
from sqlpipes.decide.selection import Selection, SelectionFacts, select, selector_problems


def chain() -> Graph:
    """a -> b -> c -> d"""
    return graph(
        [asset("a", tags=("t",)), asset("b", tags=("t", "u")), "c", asset("d", tags=("u",))],
        {"b": "a", "c": "b", "d": "c"},
        [check("k", "b", "relationships", "c"), check("u", "c", "unique")],
    )


def chosen(definition: str, **more: Any) -> Selection:
    return select(chain(), selectors={"s": yaml.safe_load(definition)}, selector="s", **more)


def faults(selectors: dict[str, Any], name: str | None = "s") -> tuple[Problem, ...]:
    with pytest.raises(ProjectError) as raised:
        select(chain(), selectors=selectors, selector=name)
    return raised.value.problems


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        ("a+1", "ab"),
        ("tag:t,tag:u d", "bd"),
        ("{tag: t}", "ab"),
        ("{config.materialized: view}", "abcd"),
        ("{config.enabled: true}", "abcd"),
        ("{method: fqn, value: b}", "b"),
        ("{method: fqn, value: b, children: true}", "bcd"),
        ("{method: fqn, value: b, children: true, children_depth: 1}", "bc"),
        ("{method: fqn, value: d, parents: 'true', parents_depth: '2'}", "bcd"),
        ("{method: fqn, value: b, parents: true, children: false}", "ab"),
        ("{method: fqn, value: c, childrens_parents: true}", "abcd"),
        ("{method: tag, value: t, exclude: [a]}", "b"),
        ("{method: tag, value: t, exclude: [{method: tag, value: u}]}", "a"),
        ("{method: config.materialized, value: view, exclude: ['a+1', {tag: u}]}", "c"),
        ("{union: [a, {tag: u}]}", "abd"),
        ("{intersection: ['tag:t', {tag: u}]}", "b"),
        ("{union: [a+, {exclude: [b, {method: fqn, value: d}]}]}", "ac"),
        ("{union: [{exclude: [b]}, a+]}", "acd"),
        ("{intersection: ['a+', 'b+', {exclude: ['tag:u']}]}", "c"),
        ("{union: [{intersection: ['tag:t', 'tag:u']}, {union: [d, {exclude: [a]}]}]}", "bd"),
        ("{intersection: [{union: [a, b]}, {union: [b, c]}]}", "b"),
        ("{definition: 'tag:t', description: text, name: s, default: false}", "ab"),
        ("{union: ['+d'], }", "abcd"),
    ],
)
def test_definitions(definition: str, expected: str) -> None:
    assert "".join(chosen(definition).assets) == expected


def test_inheritance() -> None:
    selectors = {
        "early": "tag:t",
        "late": {"method": "selector", "value": "early", "children": True},
        "most": {
            "union": [{"method": "selector", "value": "late"}, {"exclude": ["selector:early"]}]
        },
        "short": {"definition": {"selector": "most"}},
    }
    for name, expected in {"early": "ab", "late": "abcd", "most": "cd", "short": "cd"}.items():
        assert "".join(select(chain(), selectors=selectors, selector=name).assets) == expected
    assert "".join(select(chain(), ["selector:early", "d"], selectors=selectors).assets) == "abd"
    assert "".join(select(chain(), ["1+selector:most"], selectors=selectors).assets) == "bcd"
    assert "".join(select(chain(), [], ["selector:early"], selectors=selectors).assets) == "cd"


def test_exclude_narrows_a_named_selector() -> None:
    found = select(chain(), (), ["a"], selectors={"s": "tag:t"}, selector="s")
    assert found.assets == ("b",)


def test_indirect_selection_of_one_criterion() -> None:
    assert chosen("b").checks == ("k",)
    assert chosen("{method: fqn, value: b, indirect_selection: cautious}").checks == ()
    assert chosen(
        "{method: fqn, value: b, indirect_selection: eager}", indirect="empty"
    ).checks == ("k",)
    both = "{union: [{method: fqn, value: b, indirect_selection: cautious}, c]}"
    assert chosen(both, indirect="empty").checks == ("k",)  # held back until its last input came


def test_a_selector_keeps_out_what_it_excludes() -> None:
    selectors = {"s": {"union": ["b", {"exclude": ["test_name:relationships"]}]}}
    assert select(chain(), ["selector:s"], selectors=selectors).checks == ()
    assert select(chain(), ["selector:s+"], selectors=selectors).checks == ("k", "u")

    on_c = {"s": {"union": ["c", {"exclude": ["test_name:unique"]}]}}
    assert select(chain(), ["selector:s+"], selectors=on_c) == Selection(("c", "d"), ("k",))


def test_an_excluded_check_is_not_held_for_later() -> None:
    definition = """
    union:
      - {method: fqn, value: b, indirect_selection: cautious, exclude: ['test_name:relationships']}
      - {method: fqn, value: c, indirect_selection: empty}
    """
    assert chosen(definition).checks == ()


def test_a_check_is_not_held_for_an_asset_that_went() -> None:
    on = graph(["x", "y", "z", "d"], {"d": "x y"}, [check("k", "x", "relationships", "y")])
    definition = {"union": [{"intersection": ["z", {"union": ["x", "z"]}]}, "d"]}
    found = select(on, selectors={"s": definition}, selector="s", indirect="buildable")
    assert found == Selection(("z", "d"), ())


def test_one_selector_in_two_modes() -> None:
    definition = """
    union:
      - {method: selector, value: base}
      - {method: selector, value: base, indirect_selection: empty}
    """
    selectors = {"base": "c", "s": yaml.safe_load(definition)}
    assert select(chain(), selectors=selectors, selector="s") == Selection(("c",), ("k", "u"))


def test_the_default_applies_when_nothing_is_asked() -> None:
    for selectors in (
        {"s": {"definition": "tag:t", "default": True}},
        {"s": {"definition": "tag:t", "default": "True"}},
        {"default": "tag:t"},
        {"default": "c", "s": {"definition": "tag:t", "default": True}},
    ):
        assert select(chain(), selectors=selectors).assets == ("a", "b")
        assert select(chain(), ["c"], selectors=selectors).assets == ("c",)
        assert select(chain(), [], ["a"], selectors=selectors).assets == ("b", "c", "d")
    off = {"default": {"definition": "c", "default": False}}
    assert select(chain(), selectors=off).assets == ("a", "b", "c", "d")


def test_a_definition_may_ask_for_facts() -> None:
    facts = SelectionFacts(stale=frozenset({"c"}))
    assert chosen("{method: stale, children: true}", facts=facts).assets == ("c", "d")
    assert chosen("'stale:,a'", facts=facts) == Selection()


@pytest.mark.parametrize(
    ("definition", "code", "message", "hint"),
    [
        ("{method: tag}", "SEL006", "'value' is missing", None),
        ("{value: t}", "SEL006", "'method' is missing", None),
        ("{method: tag, value: t, childen: true}", "SEL006", "no key 'childen'", "'children'"),
        ("{method: tga, value: t}", "SEL002", "no method 'tga:'", "'tag'"),
        ("{tga: t}", "SEL002", "no method 'tga:'", "'tag'"),
        ("'tga:t'", "SEL002", "no method 'tga:'", "'tag'"),
        ("{union: [a, {tga: t}]}", "SEL002", "no method 'tga:'", "'tag'"),
        ("'a,,b'", "SEL003", "is missing beside ','", None),
        ("{union: a}", "SEL006", "'union' takes a list", None),
        ("{union: []}", "SEL006", "nothing to select from", None),
        ("{union: [{exclude: [a]}]}", "SEL006", "nothing to select from", None),
        ("{union: [a], intersection: [b]}", "SEL006", "stands beside", None),
        ("{union: [a], exclude: [b]}", "SEL006", "stands beside", None),
        ("{exclude: [a]}", "SEL006", "'exclude' stands alone", None),
        ("{tag: t, path: models}", "SEL006", "side by side", "union"),
        ("{tag: [t, u]}", "SEL006", "is no value for 'tag'", None),
        ("{tag: }", "SEL006", "nothing is no value for 'tag'", None),
        ("{tag: ''}", "SEL006", "a value is missing", None),
        ("{method: fqn, value: a, children: 2}", "SEL006", "'children' is 2", None),
        ("{method: fqn, value: a, children: true, children_depth: x}", "SEL006", "is 'x'", None),
        ("{method: fqn, value: a, parents_depth: 1}", "SEL006", "without 'parents'", None),
        (
            "{method: fqn, value: a, childrens_parents: true, children: true}",
            "SEL006",
            "exclude each other",
            None,
        ),
        (
            "{method: fqn, value: a, indirect_selection: egaer}",
            "SEL006",
            "'indirect_selection' is 'egaer'",
            "'eager'",
        ),
        ("{method: fqn, value: a, exclude: 3}", "SEL006", "'exclude' takes a list", None),
        ("3", "SEL006", "3 is no definition", None),
        ("", "SEL006", "nothing is no definition", None),
        ("{}", "SEL006", "{} is no definition", None),
        ("{definition: a, descripton: x}", "SEL006", "no key 'descripton'", "'description'"),
        ("{name: s, defnition: a}", "SEL006", "no key 'defnition'", "'definition'"),
        ("{tag: nope}", "SEL001", "'tag:nope' matches nothing", None),
        ("{intersection: [a, d]}", "SEL001", "matches nothing", None),
        ("{union: [a, {exclude: [a]}]}", "SEL001", "selector 's' matches nothing", None),
    ],
)
def test_faults(definition: str, code: str, message: str, hint: str | None) -> None:
    problem = faults({"s": yaml.safe_load(definition)})[0]
    assert problem.code == code
    assert message in problem.message
    assert hint is None or hint in (problem.hint or "")


def test_faults_stand_where_the_selector_is_written() -> None:
    at = Location("selectors.yml", 7, 5)
    with pytest.raises(ProjectError) as raised:
        select(chain(), selectors={"s": {"tga": "t"}}, selector="s", places={"s": at})
    assert [p.at for p in raised.value.problems] == [at]
    assert [p.at for p in selector_problems({"s": {"tga": "t"}}, {"s": at})] == [at]


def test_an_unknown_selector() -> None:
    (problem,) = faults({"nightly": "a"}, "nightli")
    assert (problem.code, problem.hint) == ("SEL007", "did you mean 'nightly'?")
    (problem,) = faults({"s": {"method": "selector", "value": "zz"}})
    assert (problem.code, problem.hint) == ("SEL007", "known here: s")


def test_a_selectors_name_alone_selects_nothing_but_a_hint() -> None:
    with pytest.raises(ProjectError) as raised:
        select(chain(), ["nightly"], selectors={"nightly": "a"})
    assert raised.value.problems[0].hint == "did you mean 'selector:nightly'?"


def test_selectors_in_a_circle() -> None:
    ring = {
        "s": "selector:x",
        "x": {"union": ["a", {"exclude": ["selector:y"]}]},
        "y": "selector:s",
    }
    (problem,) = faults(ring)
    assert problem.code == "SEL004"
    assert "s -> x -> y -> s" in problem.message
    (problem,) = faults({"s": "selector:s"})
    assert problem.code == "SEL004"


def test_a_diamond_of_selectors_is_no_circle() -> None:
    selectors = {
        "base": "a",
        "l": "selector:base b",
        "r": "selector:base c",
        "s": "selector:l selector:r",
    }
    assert select(chain(), selectors=selectors, selector="s").assets == ("a", "b", "c")


def test_two_defaults() -> None:
    two = {n: {"definition": "a", "default": True} for n in "pq"}
    (problem,) = faults(two, None)
    assert problem.code == "SEL006"
    assert select(chain(), ["a"], selectors=two).assets == ("a",)


def test_select_and_selector_exclude_each_other() -> None:
    with pytest.raises(ProjectError) as raised:
        select(chain(), ["a"], selectors={"s": "b"}, selector="s")
    assert [p.code for p in raised.value.problems] == ["SEL003"]


def test_all_definitions_can_be_checked_without_a_graph() -> None:
    selectors = {"good": "tag:none", "bad": {"tga": "t"}, "worse": {"union": 1}}
    assert [p.code for p in selector_problems(selectors)] == ["SEL002", "SEL006"]
