"""A number over time -> a line a point with a bar, newest last, and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from click import style

from sqlpipes.api import Series
from sqlpipes.show.numbers import number_text
from sqlpipes.show.status import short_text

WIDTH = 24
EIGHTHS = " ▏▎▍▌▋▊▉"
SPARKS = "▁▂▃▄▅▆▇█"


def metric_text(series: Series) -> str:
    """When, how much, a bar from 0 to the greatest, the run and the slices."""
    if not series.points:
        return f"{series.asset} {series.metric}: no build has it on record"
    values = [point.value for point in series.points]
    texts = [number_text(value) for value in values]
    room, top = max(map(len, texts)), max(max(values), 0.0)
    lines = []
    for point, text in zip(series.points, texts, strict=True):
        bar = style(f"{_bar(point.value, top):<{WIDTH}}", fg="cyan")
        cut = "" if point.slices.is_whole else f"  {short_text(point.slices, 40)}"
        lines.append(f"{point.at:%Y-%m-%d %H:%M}  {text:>{room}}  {bar}  {point.run_id}{cut}")
    return "\n".join([_head(series), *lines, _foot(values)])


def _head(series: Series) -> str:
    here, total = len(series.points), series.total
    of = f"the newest {here} of {total:,}" if here < total else f"{total:,}"
    return f"{style(series.asset, bold=True)} {series.metric}: {of} point{'s' * (total != 1)}"


def _foot(values: Sequence[float]) -> str:
    said = (("min", min(values)), ("max", max(values)), ("last", values[-1]))
    told = ", ".join(f"{word} {number_text(value)}" for word, value in said)
    return f"{style(spark(values), fg='cyan')}  {told}"


def spark(values: Sequence[float]) -> str:
    """
    >>> spark([0, 5, 10]), spark([3, 3])
    ('▁▅█', '▁▁')
    """
    low, high = min(values), max(values)
    span = high - low or 1.0
    steps = len(SPARKS) - 1
    return "".join(SPARKS[round((value - low) / span * steps)] for value in values)


def _bar(value: float, top: float) -> str:
    eighths = round(max(value, 0.0) / top * WIDTH * 8) if top else 0
    full, rest = divmod(eighths, 8)
    return "█" * full + (EIGHTHS[rest] if rest else "")


def series_json(series: Series) -> dict[str, Any]:
    return {
        "asset": series.asset,
        "metric": series.metric,
        "total": series.total,
        "points": [
            {
                "at": point.at.isoformat(),
                "run_id": point.run_id,
                "value": point.value,
                "slices": str(point.slices),
            }
            for point in series.points
        ],
    }
