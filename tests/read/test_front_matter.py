"""split_front_matter: what belongs to the YAML, what to the query, and where each begins."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from read.folders import asset, read, write

from sqlpipes.read.front_matter import split_front_matter

FRONT = "/*\n---\nowner: me\n---\n*/\n"


def test_a_bare_select_is_all_query():
    found = split_front_matter("select 1", "a.sql")
    assert (found.yaml, found.body, found.body_line) == (None, "select 1", 1)


@pytest.mark.parametrize("before", ["", "\n\n", "-- a note\n", "  \n-- one\n\n-- two\n", "\ufeff"])
def test_blank_and_line_comments_may_come_first(before):
    found = split_front_matter(before + FRONT + "select 1", "a.sql")
    assert found.yaml == "owner: me\n"
    assert found.yaml_line == 3 + before.count("\n")
    assert (found.body, found.body_line) == ("select 1", 6 + before.count("\n"))


@pytest.mark.parametrize(
    "text",
    [
        "/* a plain comment */ select 1",
        "/* notes\n---\nowner: me\n---\n*/ select 1",
        "select 1 /*\n---\nowner: me\n---\n*/",
        "/**/select 1",
        "/*",
        "",
    ],
)
def test_other_comments_are_part_of_the_query(text):
    found = split_front_matter(text, "a.sql")
    assert (found.yaml, found.body, found.problems) == (None, text, ())


def test_windows_line_ends():
    found = split_front_matter(FRONT.replace("\n", "\r\n") + "select 1\r\n", "a.sql")
    assert (found.yaml, found.body, found.body_line) == ("owner: me\r\n", "select 1\r\n", 6)


def test_a_query_on_the_closing_line_keeps_its_column():
    found = split_front_matter(FRONT.rstrip("\n") + " select 1", "a.sql")
    assert (found.body, found.body_line, found.body_column) == (" select 1", 5, 3)


def test_a_star_slash_inside_yaml_does_not_end_it():
    found = split_front_matter("/*\n---\nfiles: raw/*/x.csv\n---\n*/\nselect 1", "a.sql")
    assert (found.yaml, found.body) == ("files: raw/*/x.csv\n", "select 1")


def test_notes_may_follow_the_yaml():
    found = split_front_matter("/*\n---\nowner: me\n---\nnotes\n*/\nselect 1", "a.sql")
    assert (found.yaml, found.body, found.body_line) == ("owner: me\n", "select 1", 7)


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("/*\n---\nowner: me\n*/\nselect 1", "select 1"),
        ("/*\n---\nowner: me\n*/\nselect 1\n---\n", "select 1\n---\n"),
        ("/*\n---\nowner: me", ""),
        ("/*\n---\nowner: me\n---\nselect 1", ""),
    ],
)
def test_an_open_fence_is_named(text, body):
    found = split_front_matter(text, "a.sql")
    assert found.body == body
    (problem,) = found.problems
    assert (problem.code, str(problem.at)) == ("FRM001", "a.sql:2:1")


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet="/*-\n ab:\r", max_size=40))
def test_the_query_is_always_the_end_of_the_file(text):
    found = split_front_matter(text, "a.sql")
    assert text.endswith(found.body)
    before = text[: len(text) - len(found.body)]
    assert found.body_line == before.count("\n") + 1
    assert found.body_column == len(before) - (before.rfind("\n") + 1) + 1


def test_places_in_the_query_are_those_of_the_file(tmp_path):
    write(tmp_path, {"models/a.sql": FRONT + "select *\nfrom orders"})
    reading = read(tmp_path)
    (reference,) = asset(reading, "a").body.references
    assert (reference.line, reference.column) == (7, 6)
    assert asset(reading, "a").body.line == 6
    assert asset(reading, "a").body.text == "select *\nfrom orders"


@pytest.mark.parametrize(
    "text",
    ["/* ---\nowner: me\n--- */\nselect 1", "/*---\nowner: me\n---*/\nselect 1"],
)
def test_the_fences_may_share_a_line_with_the_comment(text):
    found = split_front_matter(text, "a.sql")
    assert (found.yaml, found.yaml_line, found.body, found.body_line) == (
        "owner: me\n",
        2,
        "select 1",
        4,
    )


def test_fences_without_a_comment_are_named(tmp_path):
    reading = read(tmp_path, {"models/a.sql": "---\nowner: me\n---\nselect 1\n"})
    assert [f"{p.at} {p.code}" for p in reading.problems] == ["models/a.sql:1:1 FRM002"]


def test_lines_of_dashes_are_comments():
    text = "---\n-- orders: all of them\n---\nselect 1"
    assert split_front_matter(text, "a.sql").problems == ()


def test_an_open_fence_is_the_only_complaint(tmp_path):
    reading = read(tmp_path, {"models/a.sql": "/*\n---\nowner: [me\nselect 1"})
    assert [f"{p.at} {p.code}" for p in reading.problems] == ["models/a.sql:2:1 FRM001"]
