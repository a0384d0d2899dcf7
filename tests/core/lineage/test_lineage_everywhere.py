"""Every statement of tests/fixtures/references: nothing that it reads is passed over in silence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sqlpipes.core.errors import Location
from sqlpipes.core.lineage import column_facts
from sqlpipes.core.sql import analyse

FOLDER = Path(__file__).parents[2] / "fixtures" / "references"


def statements() -> Iterator[tuple[str, str]]:
    for path in sorted((FOLDER / "nasty").glob("*.sql")):
        for block in re.split(r"(?m)^(?=-- case: )", path.read_text())[1:]:
            name, *lines = block.splitlines()
            said = [
                line for line in lines if re.match(r"-- (expect|files|opaque|duckdb|scan)\b", line)
            ]
            sql = "\n".join(line for line in lines if line not in said).strip()
            yield f"{path.stem}: {name[9:]}", sql
    for path in sorted([*FOLDER.glob("tpch/*.sql"), *FOLDER.glob("tpcds/*.sql")]):
        yield f"{path.parent.name}-{path.stem}", path.read_text()


STATEMENTS = list(statements())
WITHOUT_EFFECT = {  # they are read, and no row or value hangs on them
    "ctes: a CTE that nothing reads still reads": {"wasted"},
    "from_clauses: a table in every corner at once": {"f"},
    "subqueries: in ORDER BY": {"b"},
}


def test_there_are_many() -> None:
    assert len(STATEMENTS) > 250


@pytest.mark.parametrize(("name", "sql"), STATEMENTS, ids=[name for name, _ in STATEMENTS])
def test_whatever_is_read_has_an_edge(name: str, sql: str) -> None:
    """Nothing is known of the tables: an edge says from where, or that it is not known."""
    read = analyse(sql, "duckdb", at=Location("m.sql"))
    tables = {reference.folded("duckdb") for reference in read.references}
    facts = column_facts(sql, "duckdb", dict.fromkeys(tables), at=Location("m.sql"))
    silent = {".".join(table) for table in tables} - {edge.table for edge in facts.edges}
    assert silent == WITHOUT_EFFECT.get(name, set())
    for edge in facts.edges:
        lines = sql.split("\n")
        start = sum(len(line) + 1 for line in lines[: edge.line - 1]) + edge.column_at - 1
        text = " ".join(sql[start : start + edge.length].split())
        assert not edge.expression or edge.length
        if "--" not in text and "/*" not in text:  # comments are left out of an expression
            assert edge.expression in (text, f"using ({text})", text[:119] + "…")
