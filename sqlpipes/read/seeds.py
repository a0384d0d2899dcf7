"""Data files under seeds/ -> seed assets, versioned by content."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

from sqlpipes.core.asset import Asset, Column, Kind, Materialized, SeedBody
from sqlpipes.core.errors import Location, Problem, did_you_mean
from sqlpipes.core.sql import header_name
from sqlpipes.read import settings as s
from sqlpipes.read.automation import automation
from sqlpipes.read.cache import Cache, problems_as_json, problems_from_json
from sqlpipes.read.files import FORMATS, File, decode
from sqlpipes.read.ground import Ground, layers_of, settings_hash
from sqlpipes.read.keys import KNOWN
from sqlpipes.read.marked import Node
from sqlpipes.read.models import (
    Written,
    described,
    filled,
    relation_of,
    statement_places,
    statements,
)
from sqlpipes.read.settings import Layered, layer, merge
from sqlpipes.read.strategy import Kept

DELIMITERS = (",", ";", "\t", "|")
LOOKED_AT = 1 << 23  # bytes; of a larger file only the header is read here


def read_seed(
    file: File,
    entries: Sequence[Node],
    ground: Ground,
    cache: Cache,
    problems: list[Problem],
) -> tuple[str, Asset] | None:
    """(kind of its facts, the seed in a file); None when it is not enabled or cannot be read."""
    merged = _settings(file, entries, ground, problems)
    if not s.flag(merged.node("enabled"), True, problems):
        return None
    asked = _delimiter(file, merged, problems)
    facts_kind = f"seed {asked or ','}"
    facts = cache.hashed(file, facts_kind, lambda f: _csv_facts(f, asked))
    problems += problems_from_json(facts.get("problems", []))
    if "hash" not in facts:
        return None
    fields = described(file.stem, merged, (), problems)
    types = _types(merged, fields["columns"], facts.get("columns"), problems)
    nulls = s.texts(merged.node("nulls"), problems)
    kind = FORMATS[file.suffix]
    delimiter: str | None = facts.get("delimiter")
    engine = ground.engine(merged.node("engine"), problems)
    relation = relation_of(file.stem, merged, ground, problems, engine)
    dialect = ground.dialect_of(engine) or ground.config.dialect
    names = [header_name(name, dialect) for name in facts.get("columns") or []]
    fields["columns"] = _columns(fields["columns"], names, types)
    written = Written(
        Kept(Materialized.TABLE, Materialized.TABLE),
        relation,
        before=statements(merged.node("before"), relation, ground.names, problems),
        after=statements(merged.node("after"), relation, ground.names, problems),
        engine=engine,
    )
    said = written.plain() | {"types": {**types}, "read": [delimiter, *nulls]}
    seed = Asset(
        name=file.stem,
        kind=Kind.SEED,
        materialized=Materialized.TABLE,
        relation=relation,
        body=SeedBody(file.absolute, kind, types, delimiter, nulls),
        version=f"{facts['hash'][:16]}.{settings_hash(said)}",
        at=Location(file.path),
        path=file.path,
        fqn=ground.fqn(file.path, file.stem),
        settings={**merged.plain(), "materialized": "seed"},
        before=written.before,
        after=written.after,
        hooks_at=statement_places(map(merged.node, ("before", "after")), relation, ground.names),
        auto=automation(merged.node("auto"), problems),
        engine=engine,
        **fields,
    )
    return facts_kind, seed


def _settings(
    file: File, entries: Sequence[Node], ground: Ground, problems: list[Problem]
) -> Layered:
    layers = [layers_of(ground.folders, file.path, KNOWN["seed"])]
    layers.append(layer(filled(entries, ground.names, problems), "seed", problems, ("name",)))
    return merge(layers)


def _delimiter(file: File, merged: Layered, problems: list[Problem]) -> str | None:
    """The declared one; None: the header shows it."""
    said = s.text(merged.node("delimiter"), problems)
    said = "\t" if said == "\\t" else said
    return said or ("\t" if file.suffix == "tsv" else None)


def _csv_facts(file: File, asked: str | None) -> dict[str, Any]:
    """{"delimiter", "columns"} of a CSV as its header says, and its faults; nothing for other formats."""
    if FORMATS[file.suffix] != "csv":
        return {}
    with open(file.absolute, "rb") as stream:
        content = stream.read(LOOKED_AT)
    whole = len(content) < LOOKED_AT
    text = decode(content if whole else content[: content.rfind(b"\n") + 1], file.path)
    if isinstance(text, Problem):
        return {"problems": problems_as_json([text])}
    delimiter = asked or _usual_delimiter(text)
    records = _records(text, delimiter)
    _, header = next(records, (1, []))
    names = [name.strip() or f"column{i}" for i, name in enumerate(header)]  # as DuckDB names them
    faults = _header_faults(names, file)
    if whole and not faults:
        faults = _row_faults(len(names), records, delimiter, file)
    return {"delimiter": delimiter, "columns": names, "problems": problems_as_json(faults)}


def _usual_delimiter(text: str) -> str:
    """What cuts the header into most names; the comma when nothing does.

    >>> _usual_delimiter("id;name\\n1;a,b"), _usual_delimiter("id\\n1;2")
    (';', ',')
    """
    start = text[: 1 << 16]
    return max(DELIMITERS, key=lambda mark: len(next(_records(start, mark), (1, []))[1]))


def _records(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(the line it ends on, fields) of every record; blank lines are none."""
    import csv
    from io import StringIO

    if len(delimiter) > 1:  # engines know such, Python does not
        yield 1, text.partition("\n")[0].rstrip("\r").split(delimiter)
        return
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter)
    with suppress(csv.Error):  # whatever is wrong there, the engine says it
        yield from ((reader.line_num, fields) for fields in reader if fields)


def _row_faults(
    width: int, rows: Iterable[tuple[int, list[str]]], delimiter: str, file: File
) -> list[Problem]:
    """The first record that is longer or shorter than the header. Other ways to quote are let pass."""
    for line, fields in rows:
        if len(fields) != width and not any("'" in field or "\\" in field for field in fields):
            found = f"{len(fields)} field" + "s" * (len(fields) > 1)
            message = f"this line has {found}, the header has {width}"
            more = f"a field that holds '{delimiter}' stands in double quotes"
            fewer = f"write '{delimiter}' for every empty field, too"
            hint = more if len(fields) > width else fewer
            return [Problem("SED003", message, Location(file.path, line), hint)]
    return []


def _header_faults(names: list[str], file: File) -> list[Problem]:
    if not names:
        return [
            Problem("SED001", "this seed is empty", Location(file.path), "give it a header line")
        ]
    folded = [name.casefold() for name in names]
    twice = sorted({name for name in names if folded.count(name.casefold()) > 1})
    if not twice:
        return []
    message = f"the header names '{twice[0]}' twice"
    return [Problem("SED001", message, Location(file.path), "give every column a name of its own")]


def _types(
    merged: Layered,
    columns: Sequence[Column],
    header: list[str] | None,
    problems: list[Problem],
) -> dict[str, str]:
    """Declared types by column: from `columns:`, and from `types:` (column_types), which wins."""
    found = {column.name: column.type for column in columns if column.type}
    node = merged.node("types")
    found |= s.string_mapping(node, problems)
    if header:
        folded = {name.casefold() for name in header}
        for name in found:
            if name.casefold() not in folded:
                problems.append(_no_column(name, merged, header))
    return found


def _no_column(name: str, merged: Layered, header: list[str]) -> Problem:
    node = merged.node("types")
    below = node.get(name) if node else None
    if below is None:
        named = (item for lists in merged.all("columns") for item in lists.items())
        below = next((i for i in named if (n := i.get("name")) and n.value == name), None)
    at = below.at if below else s.location(merged, Location("?"))
    hint = did_you_mean(name, header) or f"its columns: {', '.join(header[:12])}"
    return Problem("SED002", f"the seed has no column '{name}'", at, hint)


def _columns(
    declared: Sequence[Column], header: Sequence[str], types: dict[str, str]
) -> tuple[Column, ...]:
    """The header's columns with what was declared about them; declared ones alone without a header."""
    said = {column.name.casefold(): column for column in declared}
    by_type = {name.casefold(): kind for name, kind in types.items()}
    names = header or [column.name for column in declared]
    found = []
    for name in names:
        known = said.get(name.casefold(), Column(name))
        found.append(Column(name, by_type.get(name.casefold()), known.description))
    return tuple(found)
