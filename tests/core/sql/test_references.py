"""Which tables a query reads: held against DuckDB's own answer, and against the token scan."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from notyet import skip_on_duckdb_1

from sqlpipes.core.errors import Location
from sqlpipes.core.sql import SqlFacts, analyse, token_scan

FIXTURES = Path(__file__).parents[2] / "fixtures" / "references"
HEADER = re.compile(r"^-- (case|expect|files|opaque|duckdb|scan)(?:: *(.*))?$")
Names = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class Case:
    name: str
    sql: str
    notes: dict[str, str]

    @property
    def expected(self) -> Names:
        return names(self.notes["expect"])


def names(text: str) -> Names:
    """`a, "b c".d` -> {("a",), ("b c", "d")}"""
    found = set()
    for name in re.findall(r'(?:"(?:[^"]|"")*"|[^",\s])+', text):
        parts = re.findall(r'"(?:[^"]|"")*"|[^".]+', name)
        found.add(tuple(p[1:-1].replace('""', '"') if p[0] == '"' else p for p in parts))
    return frozenset(found)


def nasty_cases() -> list[Case]:
    cases: list[Case] = []
    for path in sorted((FIXTURES / "nasty").glob("*.sql")):
        for block in re.split(r"(?m)^(?=-- case: )", path.read_text())[1:]:
            lines = block.splitlines()
            notes = {m[1]: m[2] or "" for m in map(HEADER.match, lines) if m}
            sql = "\n".join(line for line in lines if not HEADER.match(line)).strip()
            cases.append(Case(f"{path.stem}: {notes['case']}", sql, notes))
    return cases


def benchmark_cases() -> list[Path]:
    return sorted([*FIXTURES.glob("tpch/*.sql"), *FIXTURES.glob("tpcds/*.sql")])


def facts_of(sql: str) -> SqlFacts:
    return analyse(sql, "duckdb", at=Location("m.sql"))


def found_by(facts: SqlFacts) -> Names:
    return frozenset(r.parts for r in facts.references)


def duckdb_says(sql: str) -> Names | str:
    """The names that DuckDB finds, or its error; it writes an alias or a sample behind the name."""
    with duckdb.connect() as connection:
        try:
            found = connection.get_table_names(sql, qualified=True)
        except duckdb.Error as error:
            return str(error)
    return frozenset().union(*(names(re.split(r" (?:AS|TABLESAMPLE) ", name)[0]) for name in found))


CASES = nasty_cases()


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 130
    assert len({case.name for case in CASES}) == len(CASES)
    assert len(benchmark_cases()) == 22 + 99


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_references_are_those_expected(case: Case) -> None:
    facts = facts_of(case.sql)
    assert found_by(facts) == case.expected
    assert facts.opaque == ("opaque" in case.notes), facts.problems
    files = {name.strip() for name in case.notes.get("files", "").split(",") if name.strip()}
    assert {file.pattern for file in facts.files} == files


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_duckdb_agrees_or_the_case_says_why_not(case: Case) -> None:
    answer = duckdb_says(case.sql)
    if (answer == case.expected) == ("duckdb" in case.notes):
        skip_on_duckdb_1("the cases say what the parser of DuckDB 2 reads")
    if "duckdb" in case.notes:
        assert answer != case.expected, "DuckDB agrees by now: drop the `-- duckdb:` line"
    else:
        assert answer == case.expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_token_scan_agrees_or_the_case_says_why_not(case: Case) -> None:
    scanned = frozenset(r.parts for r in token_scan(case.sql, "duckdb"))
    files = {(name.strip(),) for name in case.notes.get("files", "").split(",")}
    if "scan" in case.notes:
        assert scanned - files != case.expected, "the scan agrees by now: drop the `-- scan:` line"
    else:
        assert scanned - files == case.expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_spans_cover_the_name_and_places_point_at_it(case: Case) -> None:
    text_lines = case.sql.split("\n")
    for r in facts_of(case.sql).references:
        written = case.sql[r.start : r.end]
        bare = re.sub(r"/\*.*?\*/|--[^\n]*|\s+(?=\.)|(?<=\.)\s+", "", written)
        bare = re.sub(r"\s+(?=\.)|(?<=\.)\s+", "", bare)
        if bare.startswith("'"):
            bare = '"' + bare[1:-1] + '"'
        assert names(bare) == {r.parts}
        assert text_lines[r.line - 1][r.column - 1 :].startswith(written.split("\n")[0])


@pytest.mark.parametrize("path", benchmark_cases(), ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_benchmark_queries_agree_with_duckdb(path: Path) -> None:
    sql = path.read_text()
    facts = facts_of(sql)
    assert not facts.opaque
    assert not facts.problems
    assert found_by(facts) == duckdb_says(sql)
    assert frozenset(r.parts for r in token_scan(sql, "duckdb")) == found_by(facts)
