"""What is known of an asset -> lines below its state, and JSON; logged values, each as what it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from click import style

from sqlpipes.core.metadata import MORE_ROWS, MetadataKind, shown
from sqlpipes.show.letters import padded, plain, plain_cell, plain_lines, width_of
from sqlpipes.show.numbers import number_text

if TYPE_CHECKING:
    from sqlpipes.api import Card
    from sqlpipes.core.asset import Asset
    from sqlpipes.core.lineage import Documented
    from sqlpipes.stores import StepRecord

SHOWN_SIGNS = 2_000  # of a text
SHOWN_ROWS = 5
ROOM = 8  # of the words in front
SIZES = ("B", "kB", "MB", "GB", "TB")


def card_lines(card: Card, width: int) -> list[str]:
    """Description, owners and the like; documented columns; what its newest build recorded."""
    return [*_said(card), *_columns(card.columns, width), *_last(card, width)]


def _said(card: Card) -> Iterator[str]:
    asset = card.asset
    for line in plain_lines(asset.description.strip()).split("\n") if asset.description else ():
        yield f"  {line}"
    words = {
        "owner": ", ".join(asset.owners),
        "group": asset.group or "",
        "engine": asset.engine,
        "kind": ", ".join(asset.kinds),
        "tags": ", ".join(asset.tags),
    }
    yield from (_labelled(word, said) for word, said in words.items() if said)
    for name, url in asset.links.items():
        yield _labelled("link", url if name == url else f"{name}  {url}")


def _labelled(word: str, said: str) -> str:
    return f"  {style(f'{word:<{ROOM}}', dim=True)}{plain(said)}"


def _columns(columns: Sequence[Documented], width: int) -> Iterator[str]:
    if not any(column.description for column in columns):
        return
    yield f"  {style('columns', dim=True)}"
    room = max(width_of(plain(column.name)) for column in columns)
    kinds = max(len(column.type or "") for column in columns)
    for column in columns:
        head = f"    {padded(plain(column.name), room)}  {(column.type or '').lower():<{kinds}}  "
        origin = style(f"  from {column.origin}", dim=True) if column.origin else ""
        yield (head + plain(" ".join(column.description.split())) + origin).rstrip()


def _last(card: Card, width: int) -> Iterator[str]:
    if card.last is None:
        return
    facts = step_facts(card.last.step)
    facts += [f"commit {short_commit(card.commit)}"] if card.commit else []
    if facts:
        yield _labelled("last", ", ".join(facts))
    yield from value_lines(card.last.step.metadata, "    ")


def step_facts(step: StepRecord) -> list[str]:
    """Rows, bytes and seconds of a step, as far as they are known."""
    found = [f"{step.rows:,} rows"] if step.rows is not None else []
    found += [size_text(step.bytes)] if step.bytes is not None else []
    return found + ([f"{step.seconds:.2f}s"] if step.seconds else [])


def short_commit(commit: str) -> str:
    """
    >>> short_commit("0123456789abcdef0123456789abcdef01234567-dirty")
    '0123456789-dirty'
    """
    found, dash, dirty = commit.partition("-")
    return f"{found[:10]}{dash}{dirty}"


def size_text(count: int) -> str:
    """
    >>> size_text(999), size_text(1500), size_text(2_000_000)
    ('999 B', '1.5 kB', '2.0 MB')
    """
    size, unit = float(count), 0
    while size >= 1000 and unit < len(SIZES) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.1f} {SIZES[unit]}" if unit else f"{count} B"


def value_lines(values: Mapping[str, Any], indent: str) -> list[str]:
    """A name and its value a line; a table or a text of several lines stands below its name."""
    room = max((width_of(plain(name)) for name in values), default=0)
    lines: list[str] = []
    for name, value in values.items():
        first, *rest = _value_texts(value)
        name = padded(plain(name), room)
        lines.append(f"{indent}{style(name, dim=True)}  {first}".rstrip())
        lines += [f"{indent}  {line}" for line in rest]
    return lines


def _value_texts(value: Any) -> list[str]:
    found = shown(value)
    if found.kind is MetadataKind.NUMBER:
        return [number_text(found.value)]
    if found.kind is MetadataKind.TABLE:
        return ["", *_table(found.value)]
    text = str(found.value).strip("\n")
    lines = [plain(line) for line in text[:SHOWN_SIGNS].splitlines()]
    if len(text) > SHOWN_SIGNS:
        lines.append(f"... and {len(text) - SHOWN_SIGNS:,} more characters: --json has them")
    if found.kind is MetadataKind.JSON:
        return ["" if found.value is None else "\n".join(lines)]
    return ["", *lines] if len(lines) > 1 else lines or [""]


def _table(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lost = rows[-1][MORE_ROWS] if rows and rows[-1].keys() == {MORE_ROWS} else 0
    rows = rows[:-1] if lost else rows
    names = list(dict.fromkeys(name for row in rows for name in row))
    texts = [
        ["" if (v := row.get(n)) is None else plain_cell(str(v)) for n in names]
        for row in rows[:SHOWN_ROWS]
    ]
    names = [plain_cell(name) for name in names]
    rooms = [max(map(width_of, column)) for column in zip(names, *texts, strict=True)]
    lines = [
        "  ".join(padded(t, r) for t, r in zip(row, rooms, strict=True)).rstrip()
        for row in [names, *texts]
    ]
    more = len(rows) - SHOWN_ROWS + lost
    return [*lines, *([f"and {more} more rows"] if more > 0 else [])]


def values_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """name -> {"type", "value"}."""
    found = {name: shown(value) for name, value in values.items()}
    return {name: {"type": str(one.kind), "value": one.value} for name, one in found.items()}


def labels_json(asset: Asset) -> dict[str, Any]:
    """What people say of it."""
    return {
        "description": asset.description,
        "owners": list(asset.owners),
        "tags": list(asset.tags),
        "kinds": list(asset.kinds),
        "group": asset.group,
        "links": dict(asset.links),
        "meta": dict(asset.meta),
    }


def column_json(column: Documented) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type,
        "description": column.description,
        "inherited_from": str(column.origin) if column.origin else None,
    }


def card_json(card: Card) -> dict[str, Any]:
    """What `ls --json` says of it too, and the newest build."""
    asset, last = card.asset, card.last
    return {
        **labels_json(asset),
        "engine": asset.engine or None,
        "columns": [column_json(column) for column in card.columns],
        "last_build": None
        if last is None
        else {
            "run_id": last.run_id,
            "action": last.step.action,
            "at": last.step.finished_at.isoformat() if last.step.finished_at else None,
            "rows": last.step.rows,
            "seconds": last.step.seconds,
            "bytes": last.step.bytes,
            "columns": [{"name": name, "type": kind} for name, kind in last.step.columns],
            "statements": list(last.step.statements),
            "commit": card.commit or None,
            "metadata": values_json(last.step.metadata),
        },
    }
