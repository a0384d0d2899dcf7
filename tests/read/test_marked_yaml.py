"""read_yaml: plain values, their places, and faults at the right line and column of the file."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.read.marked import Node, node_of, read_yaml


def root(text: str, first_line: int = 1) -> Node:
    document = read_yaml(text, "a.yml", first_line)
    assert document.problems == ()
    return node_of("a.yml", document.value, document.marks)


def fault(text: str, first_line: int = 1) -> str:
    (problem,) = read_yaml(text, "a.yml", first_line).problems
    return f"{problem.at} {problem.code}"


def test_values_and_keys_have_places():
    node = root("owner: me\nchecks:\n  - not_null: [a, bcd]\n", first_line=4)
    listed = node.get("checks")
    assert listed is not None
    (item,) = listed.items()
    not_null = item.get("not_null")
    assert not_null is not None
    second = list(not_null.items())[1]
    assert (str(second.at), second.at.length) == ("a.yml:6:19", 3)
    assert (str(not_null.key_at), not_null.key_at.length) == ("a.yml:6:5", 8)


def test_words_dates_and_times_stay_text():
    node = root("a: yes\nb: no\nc: 2024-01-01\nd: 12:30\ne: on\nf: .inf\ng: 1e3\nh: 0o17")
    assert node.value == {
        "a": "yes",
        "b": "no",
        "c": "2024-01-01",
        "d": "12:30",
        "e": "on",
        "f": ".inf",
        "g": "1e3",
        "h": "0o17",
    }


def test_numbers_booleans_and_nothing():
    node = root("a: 1\nb: -0.5\nc: true\nd: null\ne:\nf: '1'\ng: ~")
    assert node.value == {"a": 1, "b": -0.5, "c": True, "d": None, "e": None, "f": "1", "g": None}


def test_a_key_twice_names_both_places():
    (problem,) = read_yaml("a: 1\nb: 2\na: 1\n", "a.yml").problems
    assert (problem.code, str(problem.at)) == ("YML002", "a.yml:3:1")
    assert [str(at) for at in problem.others] == ["a.yml:1:1"]


def test_syntax_faults_stand_at_their_place():
    assert fault("a: [1, 2\nb: 3") == "a.yml:2:2 YML001"
    assert fault("a:\n\tb: 1", first_line=10) == "a.yml:11:1 YML001"
    assert fault("a: b: c") == "a.yml:1:5 YML001"
    assert fault("a: 1\n---\nb: 2") == "a.yml:2:1 YML001"
    assert fault("? [a, b]\n: 1") == "a.yml:1:3 YML001"


def test_control_characters_are_a_fault():
    assert fault("a: \x07", first_line=3) == "a.yml:3:1 YML001"


def test_an_alias_of_itself_ends():
    assert fault("a: &a [*a]").endswith("YML001")


def test_aliases_of_aliases_do_not_explode():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)]
    assert fault("\n".join(lines)).endswith("YML001")


def test_merge_keys_fill_in():
    node = root("base: &b {x: 1, y: 2}\nmine: {<<: *b, y: 3}\nall: {<<: [*b, {z: 1}]}")
    assert node.value["mine"] == {"x": 1, "y": 3}  # type: ignore[index,call-overload]
    assert node.value["all"] == {"x": 1, "y": 2, "z": 1}  # type: ignore[index,call-overload]


def test_keys_with_slashes_keep_their_places():
    node = root("models/staging:\n  schema: x\n~a/b: 1")
    found = dict(node.entries())
    assert str(found["models/staging"].get("schema").at) == "a.yml:2:11"  # type: ignore[union-attr]
    assert str(found["~a/b"].at) == "a.yml:3:7"
    assert found["~a/b"].key == "~a/b"


def test_empty_text_is_nothing():
    assert read_yaml("", "a.yml").value is None
    assert read_yaml("# only a comment\n", "a.yml").value is None


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.text(
        st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=["Cs", "Cc"])
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("abc/~ü ", min_size=1, max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=150)
@given(st.dictionaries(st.text("abc", min_size=1), PLAIN, max_size=4))
def test_what_yaml_writes_is_read_as_it_was(value):
    written = yaml.safe_dump(value, allow_unicode=True, width=10_000)
    document = read_yaml(written, "a.yml")
    assert document.problems == ()
    assert (document.value or {}) == value


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a:\n\t- x", "indent with spaces"),
        ("a: 1\n---\nb: 2", "one document"),
        ("a: b: c", "in quotes"),
    ],
)
def test_what_to_do_about_it(text, hint):
    (problem,) = read_yaml(text, "m.yml", 3).problems
    assert problem.code == "YML001"
    assert hint in problem.hint
