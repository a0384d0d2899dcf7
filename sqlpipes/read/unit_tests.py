"""`unit_tests:` in YAML, dbt's shape -> UnitTests with the place of every row and cell."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, Severity, did_you_mean
from sqlpipes.core.unit_test import Form, Given, Overrides, Place, Row, Sample, UnitTest
from sqlpipes.read.files import File, decode, read_bytes
from sqlpipes.read.marked import Node, escaped
from sqlpipes.read.properties import entry_name
from sqlpipes.read.settings import flag, plain_reference, text, texts, wrong

KEYS = ("name", "description", "model", "given", "expect", "overrides", "partition", "now", "tags")
MORE_KEYS = ("missing", "enabled", "config")
IGNORED = ("meta", "versions")
OVERRIDES = ("vars", "macros", "env_vars", "now")
SAMPLE_KEYS = ("rows", "format", "fixture")
FORMATS = ("dict", "csv", "sql")
QUERY = r"(?is)\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*(?:select|with|from|values|table)\b\s*[^\s,]"


@dataclass(frozen=True, slots=True)
class Fixtures:
    """The files that samples may be kept in: those of the check folders, and all others by path."""

    root: str
    files: tuple[File, ...] = ()

    def find(self, name: str, form: Form | None) -> list[File]:
        """By its path in the project, else by its name in a folder `fixtures`, as dbt does."""
        wanted = name.replace("\\", "/").removeprefix("./")
        if exact := [file for file in self.files if file.path == wanted]:
            return exact
        endings = [str(form)] if form in (Form.CSV, Form.SQL) else ["csv", "sql"]
        return [
            file
            for file in self.files
            if "fixtures" in file.folder.split("/")
            and file.suffix in endings
            and wanted in (file.stem, f"{file.stem}.{file.suffix}")
        ]


def read_unit_tests(
    nodes: Iterable[Node], fixtures: Fixtures, problems: list[Problem]
) -> tuple[UnitTest, ...]:
    """The tests that are sound; what is wrong with the others is in `problems`."""
    found: dict[str, UnitTest] = {}
    for node in nodes:
        faults: list[Problem] = []
        test = _unit_test(node, fixtures, faults)
        problems += faults
        if test is None or any(fault.is_error for fault in faults):
            continue
        if test.name in found:
            message = f"the unit test '{test.name}' is defined twice"
            others = tuple(at for at in (found[test.name].at,) if at)
            problems.append(
                Problem("UTS003", message, test.at, "rename one of them", others=others)
            )
        found.setdefault(test.name, test)
    return tuple(found.values())


def _unit_test(node: Node, fixtures: Fixtures, problems: list[Problem]) -> UnitTest | None:
    said = _keys(node, (*KEYS, *MORE_KEYS), "a unit test", problems)
    config = said.get("config")
    if config is not None:
        said |= _keys(config, ("tags", "enabled"), "the config of a unit test", problems)
    if not flag(said.get("enabled"), True, problems):
        return None
    name, model, expect = said.get("name"), said.get("model"), said.get("expect")
    if name is None or model is None or expect is None:
        missing = "model" if model is None else "expect"
        message = f"the unit test '{entry_name(node)}' needs '{missing}'"
        problems.append(Problem("CFG002", message, (name or node).at))
        return None
    partition = said.get("partition")
    return UnitTest(
        name=entry_name(node),
        model=plain_reference(text(model, problems)),
        given=_given(said.get("given"), fixtures, problems),
        expect=_sample(expect, fixtures, problems),
        at=name.at,
        model_at=model.at,
        description=text(said.get("description"), problems).strip(),
        tags=texts(said.get("tags"), problems),
        overrides=_overrides(said.get("overrides"), said.get("now"), problems),
        partition=text(partition, problems) or None,
        partition_at=partition.at if partition else None,
        empty_missing=_empty_missing(said.get("missing"), problems),
    )


def _keys(node: Node, known: Sequence[str], what: str, problems: list[Problem]) -> dict[str, Node]:
    """The keys that are set, by name; unknown ones are CFG001."""
    if not isinstance(node.value, dict):
        problems.append(wrong(node, f"a mapping with {', '.join(known)}"))
    found: dict[str, Node] = {}
    for key, below in node.entries():
        if key in known:
            if below.value is not None:
                found[key] = below
        elif key in IGNORED:
            message = f"the key '{key}' of a unit test is ignored"
            problems.append(Problem("CFG004", message, below.key_at, severity=Severity.WARNING))
        else:
            hint = did_you_mean(key, known) or f"known: {', '.join(known)}"
            problems.append(Problem("CFG001", f"{what} has no key '{key}'", below.key_at, hint))
    return found


def _empty_missing(node: Node | None, problems: list[Problem]) -> bool:
    if node is not None and node.value not in ("error", "empty"):
        problems.append(wrong(node, "error or empty"))
    return node is not None and node.value == "empty"


def _given(node: Node | None, fixtures: Fixtures, problems: list[Problem]) -> tuple[Given, ...]:
    found: dict[str, Given] = {}
    if node is not None and not isinstance(node.value, list):
        problems.append(wrong(node, "a list of inputs, each `- input: name` with its rows"))
        return ()
    for item in node.items() if node else ():
        said = _keys(item, ("input", *SAMPLE_KEYS), "a given input", problems)
        if "input" not in said:
            if isinstance(item.value, dict):
                message = "this entry needs an input"
                problems.append(
                    Problem("CFG002", message, item.at, "begin it with `- input: ref('name')`")
                )
            continue
        name = plain_reference(text(said["input"], problems))
        at = said["input"].at
        if name in found:
            message = f"the input '{name}' is given twice"
            others = tuple(place for place in (found[name].at,) if place)
            problems.append(Problem("UTS003", message, at, "keep one of them", others=others))
        found[name] = Given(name, _sample(item, fixtures, problems, said), at)
    return tuple(found.values())


# ------------------------------------------------------------------------------------------ rows


def _sample(
    node: Node, fixtures: Fixtures, problems: list[Problem], said: dict[str, Node] | None = None
) -> Sample:
    """What stands under `rows`, or in a file; PROJECT when nothing is said."""
    if said is None:
        said = (
            {"rows": node}
            if isinstance(node.value, list)
            else _keys(node, SAMPLE_KEYS, "a list of rows", problems)
        )
    form = _form(said.get("format"), problems)
    if (fixture := said.get("fixture")) is not None:
        return _from_file(fixture, form, fixtures, problems)
    rows = said.get("rows")
    if rows is None:
        return Sample(Form.PROJECT, node.at)
    if isinstance(rows.value, str):
        if form in (None, Form.DICT):
            form = Form.SQL if re.match(QUERY, rows.value) else Form.CSV
        return Sample(form, rows.at, text=rows.value, line=_first_line(rows), guessed=True)
    if form not in (None, Form.DICT) or not isinstance(rows.value, list):
        wanted = "a text, such as a block after `|`" if form else "a list of rows"
        problems.append(wrong(rows, wanted))
        return Sample(Form.DICT, rows.at)
    return Sample(Form.DICT, rows.at, tuple(_rows(rows, problems)), guessed=True)


def _form(node: Node | None, problems: list[Problem]) -> Form | None:
    if node is None:
        return None
    if node.value not in FORMATS:
        problems.append(wrong(node, "dict, csv or sql"))
        return None
    return Form(str(node.value))


def _first_line(node: Node) -> int:
    """Where a text begins: a block's own text stands below the mark that opens it."""
    at = node.at
    return at.line + 1 if "\n" in str(node.value) else at.line


def _rows(node: Node, problems: list[Problem]) -> Iterable[Row]:
    for item in node.items():
        if not isinstance(item.value, dict):
            problems.append(
                Problem(
                    "CFG002",
                    "a row must be a mapping of columns to values",
                    item.at,
                    "such as - {order_id: 1, amount: 2.5}",
                )
            )
            continue
        cells: dict[str, Place] = {}
        keys: dict[str, Place] = {}
        for key in item.value:
            mark = item.marks.get(f"{item.path}/{escaped(key)}")
            if mark is not None and len(mark) == 5:
                cells[key] = (mark[0], mark[1], max(mark[2], 1))
                keys[key] = (mark[3], mark[4], len(key))
        yield Row(item.value, _place(item.at), cells, keys)


def _place(at: Location) -> Place:
    return at.line, at.column, at.length


def _from_file(
    node: Node, form: Form | None, fixtures: Fixtures, problems: list[Problem]
) -> Sample:
    name = text(node, problems)
    found = fixtures.find(name, form)
    if len(found) != 1:
        known = sorted(
            {file.stem for file in fixtures.files if "fixtures" in file.folder.split("/")}
        )
        hint = did_you_mean(name, known) or (
            "a fixture is a .csv or .sql file in a folder `fixtures` under tests/, or a path in the project"
        )
        message = f"there is no fixture '{name}'"
        if found:
            message = f"several files are the fixture '{name}'"
            hint = "write its path: " + " or ".join(file.path for file in found)
        problems.append(Problem("UTS004", message, node.at, hint))
        return Sample(Form.DICT, node.at)
    file = found[0]
    content: bytes | str | Problem = read_bytes(file)
    if isinstance(content, bytes):
        content = decode(content, file.path)
    if isinstance(content, Problem):
        problems.append(content)
        return Sample(Form.DICT, node.at)
    kind = Form.SQL if file.suffix == "sql" else Form.CSV
    return Sample(kind, Location(file.path), text=content, line=1, guessed=True)


# ------------------------------------------------------------------------------------- overrides


def _overrides(node: Node | None, now: Node | None, problems: list[Problem]) -> Overrides:
    said = _keys(node, OVERRIDES, "the mapping `overrides`", problems) if node else {}
    return Overrides(
        _mapping(said.get("vars"), problems),
        _mapping(said.get("macros"), problems),
        _mapping(said.get("env_vars"), problems),
        _instant(said.get("now") or now, problems),
    )


def _mapping(node: Node | None, problems: list[Problem]) -> Mapping[str, Plain]:
    if node is None:
        return {}
    if not isinstance(node.value, dict):
        problems.append(wrong(node, "a mapping of names to values"))
        return {}
    return node.value


def _instant(node: Node | None, problems: list[Problem]) -> str | None:
    """A date or time as ISO text."""
    said = text(node, problems)
    if node is None or not said:
        return None
    try:
        datetime.fromisoformat(said)
    except ValueError:
        problems.append(wrong(node, "a date or time such as 2024-01-31 or 2024-01-31 10:00:00"))
        return None
    return said
