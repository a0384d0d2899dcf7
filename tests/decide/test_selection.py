"""select(): graph operators, checks that come along, defaults, order, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from decide.graphs import asset, check, graph

from sqlpipes.core.asset import Kind
from sqlpipes.core.errors import Location, Problem, ProjectError
from sqlpipes.core.graph import Graph
from sqlpipes.decide.selection import Selection, SelectionFacts, select

#   a -> b -> d -> e
#        c -> d         c also stands alone under b
CHECKS = (
    check("a.unique.id", "a", "unique"),
    check("b.rel.a", "b", "relationships", "a"),
    check("e.rel.x", "e", "relationships", "x"),
)


def diamond() -> Graph:
    return graph(
        ["a", "x", asset("b", tags=("t",)), asset("c", tags=("t", "u")), "d", "e"],
        {"b": "a", "c": "a", "d": "b c", "e": "d"},
        CHECKS,
    )


def assets(*include: str, **more: Any) -> str:
    return "".join(select(diamond(), include, **more).assets)


def faults(*include: str, on: Graph | None = None, **more: Any) -> tuple[Problem, ...]:
    with pytest.raises(ProjectError) as raised:
        select(on or diamond(), include, **more)
    return raised.value.problems


def codes(*include: str, **more: Any) -> list[str]:
    return [problem.code for problem in faults(*include, **more)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("d", "d"),
        ("+d", "abcd"),
        ("1+d", "bcd"),
        ("0+d", "d"),
        ("2+e", "bcde"),
        ("d+", "de"),
        ("a+1", "abc"),
        ("a+2", "abcd"),
        ("a+0", "a"),
        ("+b+", "abde"),
        ("1+d+1", "bcde"),
        ("@b", "axbcde"),  # x: a check below b reads it
        ("@+b", "axbcde"),
        ("b c", "bc"),
        ("  b\t c ", "bc"),
        ("tag:t,tag:u", "c"),
        ("a tag:t,tag:u", "ac"),  # the comma binds tighter
        ("+d,tag:t,b+", "b"),
        ("e d c b a", "abcde"),  # graph order, whatever was asked first
        ("*", "axbcde"),
        ('"b"', "b"),
        ('+"b"', "ab"),
        ("[bc]", "bc"),
    ],
)
def test_expressions(expression: str, expected: str) -> None:
    assert assets(expression) == expected


def test_repeated_flags_are_a_union() -> None:
    assert assets("b", "c") == assets("b c") == "bc"


def test_exclude_takes_away() -> None:
    assert assets("a+", exclude=["tag:u d+"]) == "ab"
    assert assets("a+", exclude=["tag:u", "d+"]) == "ab"
    assert assets(exclude=["a+"]) == "x"


def test_nothing_asked_is_everything() -> None:
    everything = select(diamond())
    assert everything == Selection(diamond().order, tuple(c.name for c in CHECKS))
    assert select(diamond(), indirect="empty") == everything


def test_an_asset_may_look_like_a_depth() -> None:
    years = graph(["2020", "b"], {"b": "2020"})
    assert select(years, ["2020"]).assets == ("2020",)
    assert select(years, ["2020+"]).assets == ("2020", "b")
    assert select(years, ["1+2020+1"]).assets == ("2020", "b")


def test_assets_on_a_cycle_are_left_out() -> None:
    broken = Graph(
        assets={n: asset(n) for n in "abc"},
        inputs={"a": (), **{n: graph(["b", "c"], {"b": "c", "c": "b"}).inputs[n] for n in "bc"}},
        order=("a",),
        checks={"k": check("k", "b", "unique", "a")},
    )
    assert select(broken, ["a+"]) == Selection(("a",), ("k",))


# checks


@pytest.mark.parametrize(
    ("expression", "mode", "expected"),
    [
        ("b", "eager", ["b.rel.a"]),
        ("b", "cautious", []),
        ("b", "buildable", ["b.rel.a"]),
        ("b", "empty", []),
        ("a", "eager", ["a.unique.id", "b.rel.a"]),
        ("a", "cautious", ["a.unique.id"]),
        ("a", "buildable", ["a.unique.id"]),
        ("a b", "cautious", ["a.unique.id", "b.rel.a"]),
        ("a+", "cautious", ["a.unique.id", "b.rel.a"]),
        ("e", "buildable", []),  # x is not above e
        ("e x", "buildable", ["e.rel.x"]),
        ("a+", "empty", []),
        ("b.rel.a", "empty", ["b.rel.a"]),
        ("test_name:unique a", "empty", ["a.unique.id"]),
        ("b,test_type:generic", "eager", ["b.rel.a"]),
        ("a,test_name:unique", "cautious", ["a.unique.id"]),
    ],
)
def test_checks_that_come_along(expression: str, mode: str, expected: list[str]) -> None:
    assert list(select(diamond(), [expression], indirect=mode).checks) == expected


def test_sources_are_there_without_being_built() -> None:
    tested = graph(
        [asset("s.raw", Kind.SOURCE), "b"], {}, [check("k", "b", "relationships", "s.raw")]
    )
    assert select(tested, ["b"], indirect="buildable").checks == ("k",)
    assert select(tested, ["b"], indirect="cautious").checks == ()


def test_excluding_an_asset_excludes_the_checks_that_read_it() -> None:
    assert select(diamond(), ["a b"], ["a"]) == Selection(("b",), ())
    assert select(diamond(), ["a b"], ["a"], indirect="cautious") == Selection(("b",), ())


def test_excluding_a_check_leaves_its_asset() -> None:
    for mode in ("eager", "cautious", "buildable"):
        found = select(diamond(), ["a b"], ["test_name:relationships"], indirect=mode)
        assert found == Selection(("a", "b"), ("a.unique.id",))


def test_a_check_by_name_alone_selects_no_asset() -> None:
    assert select(diamond(), ["b.rel.a"]) == Selection((), ("b.rel.a",))


def test_the_parents_of_a_check_are_what_it_reads() -> None:
    assert select(diamond(), ["1+e.rel.x"]).assets == ("x", "e")
    assert assets("+e.rel.x") == "axbcde"
    assert assets("2+e.rel.x") == "xde"
    assert assets("@b.rel.a") == "ab"
    assert select(diamond(), ["b.rel.a+"]) == Selection((), ("b.rel.a",))


# what is refused


def test_every_term_must_match_something() -> None:
    first, second = faults("a zz tag:t,tag:none")
    assert (first.code, first.at) == ("SEL001", Location("--select", 1, 3, 2))
    assert (second.code, second.at) == ("SEL001", Location("--select", 1, 12, 8))
    assert second.hint == "known here: t, u"


def test_terms_of_exclude_must_match_too() -> None:
    (fault,) = faults("a", exclude=["b", "+zz"])
    assert (fault.code, fault.at) == ("SEL001", Location("--exclude", 2, 1, 3))


def test_an_empty_intersection_is_refused() -> None:
    (fault,) = faults("x,tag:t")
    assert fault.code == "SEL001"
    assert fault.at == Location("--select", 1, 1, 7)


def test_an_intersection_may_be_a_check_alone() -> None:
    """It reads something of either side."""
    assert select(diamond(), ["a,tag:t"]) == Selection((), ("b.rel.a",))


def test_excluding_everything_is_refused() -> None:
    assert codes("b", exclude=["tag:t"]) == ["SEL001"]


def test_all_faults_come_at_once() -> None:
    wrong = codes("zz", "tagg:x", "@a+", exclude=["x,,b"], indirect="eger")
    assert sorted(wrong) == ["SEL001", "SEL002", "SEL003", "SEL003", "SEL003"]


def test_facts_may_be_empty() -> None:
    facts = SelectionFacts(results={}, modified={}, stale=frozenset(), fresher_sources=frozenset())
    for expression in ("state:modified+", "result:error", "stale:", "source_status:fresher+"):
        assert select(diamond(), [expression], facts=facts) == Selection()
        assert select(diamond(), [f"a,{expression}"], facts=facts) == Selection()
        assert select(diamond(), ["a"], [expression], facts=facts).assets == ("a",)


def test_a_fact_beside_a_typing_error_excuses_nothing() -> None:
    assert codes("stale:,zz", facts=SelectionFacts(stale=frozenset())) == ["SEL001"]


def test_facts_that_nobody_gave_are_an_error() -> None:
    wrong = codes("state:new result:error stale: source_status:fresher column:a.x+")
    assert wrong == ["SEL005"] * 5


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("ordes", "did you mean 'orders'?"),
        ("ORDERS", "did you mean 'orders'?"),
        ("finance", "did you mean 'tag:finance'?"),
        ("tag:finanse", "did you mean 'tag:finance'?"),
        ("tag:orders", "did you mean 'orders'?"),
        ("models/mart", "did you mean 'models/marts'?"),
        ("path:models/mart", "did you mean 'path:models/marts'?"),
        ("order.sql", "did you mean 'orders.sql'?"),
        ("kind:table", "did you mean 'config.materialized:table'?"),
        ("config.materialised:view", "did you mean 'config.materialized:view'?"),
        ("group:x", "nothing in this project has a group"),
        ("exposure:weekly", "this project has no exposures"),
        ("resource_type:snapshot", "known here: model"),
        ("qqqqqq", "`sqlpipes ls` lists everything that can be selected"),
    ],
)
def test_hints(expression: str, hint: str) -> None:
    shop = graph([asset("orders", folder="models/marts", tags=("finance",))])
    (fault,) = faults(expression, on=shop)
    assert (fault.code, fault.hint) == ("SEL001", hint)


def test_a_hint_can_be_typed_as_it_stands() -> None:
    spaced = graph([asset("my orders")])
    (fault,) = faults('"my oders"', on=spaced)
    assert fault.hint == "did you mean '\"my orders\"'?"
    assert select(spaced, ['"my orders"']).assets == ("my orders",)


def test_five_thousand_assets_in_a_chain_and_a_mesh() -> None:
    names = [f"n{i:04}" for i in range(5000)]
    reads = {names[i]: " ".join(names[max(0, i - 3) : i]) for i in range(5000)}
    big = graph(names, reads)
    assert select(big, ["+n4999"]).assets == tuple(names)
    assert select(big, ["@n0000"]).assets == tuple(names)
    assert len(select(big, ["10+n4999"]).assets) == 31
    assert len(select(big, [" ".join(f"+{n}" for n in names[:30])]).assets) == 30


ODD = ("a,b", "+plus", " lead", "col:on", 'qu"ote', "@at", "x+", "two words", "a/b", "x.sql", '""')


@pytest.mark.parametrize("name", ODD)
def test_any_name_can_be_quoted_and_the_error_says_how(name: str) -> None:
    there = graph(["c", name], {})
    typed = 'fqn:"' + name.replace('"', '""') + '"'
    assert select(there, [typed]).assets == (name,)
    assert name not in select(there, ["*"], [typed]).assets
    if name in ("a/b", "x.sql"):  # a path, a file
        return
    assert select(there, [typed.removeprefix("fqn:")]).assets == (name,)
    for problem in faults("c", name, on=there):
        assert problem.hint is not None
        assert problem.hint.endswith(f"write '{typed}'")
