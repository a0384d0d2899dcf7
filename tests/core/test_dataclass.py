"""Our `dataclass` beside the standard one: the same answers, whatever is asked first."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import threading
from dataclasses import FrozenInstanceError, field
from typing import Any, ClassVar

import pytest

from sqlpipes.core.dataclass import dataclass as ours

BOTH = pytest.mark.parametrize("made", [dataclasses.dataclass, ours], ids=["standard", "ours"])
HOWS: tuple[dict[str, bool], ...] = (
    {"frozen": True, "slots": True},
    {"slots": True},
    {"slots": True, "eq": False},
    {"frozen": True, "slots": True, "kw_only": True},
    {"frozen": True, "slots": True, "order": True},
    {"frozen": True},
)


def example(made: Any, **how: bool) -> Any:
    @made(**how)
    class Example:
        """Of every kind of field."""

        one: int
        two: str = "two"
        many: tuple[int, ...] = ()
        mine: dict[str, int] = field(default_factory=dict, hash=False)
        silent: int = field(default=0, repr=False)
        apart: int = field(default=0, compare=False)
        only: int = field(default=7, kw_only=True)
        fixed: int = field(default=5, init=False)
        shared: ClassVar[int] = 3

        def double(self) -> int:
            return self.one * 2

    return Example


def told(thing: Any, *given: Any, **named: Any) -> Any:
    """What comes of a call, or how it is refused."""
    try:
        return thing(*given, **named)
    except Exception as error:
        return type(error), str(error)


def answers(kind: Any, how: dict[str, bool]) -> dict[str, Any]:
    name = ["one"] if how.get("kw_only") else []
    one, same, other = ((lambda n: kind(one=n) if name else kind(n))(n) for n in (1, 1, 2))
    apart = dataclasses.replace(one, apart=9)
    found: dict[str, Any] = {
        "repr": [repr(one), repr(apart)],
        "eq": [one == same, one == other, one == apart, one == "one", one != same],
        "fields": [(f.name, f.compare, f.init) for f in dataclasses.fields(kind)],
        "asdict": dataclasses.asdict(one),
        "replace": repr(dataclasses.replace(one, two="x", only=8)),
        "copies": [repr(copy.copy(one)), repr(copy.deepcopy(one))],
        "match": kind.__match_args__,
        "refused": [told(kind), told(kind, 1, 2, 3, 4, 5, 6, 7, 8, 9), told(kind, one=1, fixed=2)],
        "set": [told(setattr, one, "one", 3), told(delattr, one, "two")],
        "doc": kind.__doc__,
        "others": [kind.shared, other.double()],
        "hash": told(hash, one) if how.get("frozen") else kind.__hash__ is None,
    }
    found["own"] = one.mine is not same.mine
    return found


@pytest.mark.parametrize("how", HOWS, ids=lambda how: "-".join(how))
def test_it_answers_as_the_standard_one(how):
    assert answers(example(ours, **how), how) == answers(example(dataclasses.dataclass, **how), how)


@pytest.mark.parametrize("how", HOWS, ids=lambda how: "-".join(how))
@pytest.mark.parametrize("first", ["init", "eq", "hash", "repr"])
def test_whatever_is_asked_first_is_answered(how, first):
    kind = example(ours, **how)
    one, same = kind(one=1), kind(one=1)
    ways = {
        "init": lambda: kind(one=1),
        "eq": lambda: one == same,
        "hash": lambda: how.get("frozen") and hash(one) == hash(same),
        "repr": lambda: repr(one) == repr(same),
    }
    assert ways[first]() or not (how.get("eq", True) and how.get("frozen"))
    assert (one == same) is how.get("eq", True)


@BOTH
def test_its_own_methods_stay(made):
    @made(frozen=True, slots=True)
    class Own:
        a: int
        b: int = field(default=0, compare=False)

        def __post_init__(self) -> None:
            object.__setattr__(self, "b", self.a + 1)

        def __eq__(self, other: object) -> bool:
            return isinstance(other, Own) and self.a % 2 == other.a % 2

        def __hash__(self) -> int:
            return self.a % 2

        def __repr__(self) -> str:
            return f"own {self.a}"

    assert Own(1) == Own(3)
    assert {Own(1), Own(3)} == {Own(5)}
    assert (Own(1).b, repr(Own(1))) == (2, "own 1")


@ours(frozen=True, slots=True)
class Kept:
    a: int
    b: tuple[int, ...] = ()


@ours(frozen=True, slots=True)
class Below(Kept):
    c: int = 3


@ours(slots=True)
class Link:
    to: Any = None


def test_it_is_pickled_and_inherited():
    assert pickle.loads(pickle.dumps(Kept(1, (2,)))) == Kept(1, (2,))
    assert pickle.loads(pickle.dumps(Below(1, (2,), 4))) == Below(1, (2,), 4)
    assert Below(1) != Kept(1)
    assert repr(Below(1)) == "Below(a=1, b=(), c=3)"
    assert isinstance(Below(1), Kept)


def test_a_subclass_that_is_no_dataclass_has_attributes_of_its_own():
    class Free(Kept):
        """With a __dict__."""

    free = Free(1)
    free.more = 2  # type: ignore[attr-defined]
    assert free.more == 2  # type: ignore[attr-defined]
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'a'"):
        free.a = 3  # type: ignore[misc]


def test_one_in_itself_is_shown():
    link = Link()
    link.to = link
    assert repr(link) == "Link(to=...)"


def test_the_same_class_in_many_threads():
    for _ in range(50):
        kind = example(ours, frozen=True, slots=True)
        begin = threading.Barrier(4)
        found: list[Any] = []

        def work(kind: Any = kind, begin: Any = begin, found: list[Any] = found) -> None:
            begin.wait()
            found.append((kind(1) == kind(1), hash(kind(2)) == hash(kind(2)), kind(1) == kind(2)))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert found == [(True, True, False)] * 4


def test_once_used_its_signature_is_told():
    Kept(1)
    assert [*inspect.signature(Kept).parameters] == ["a", "b"]
