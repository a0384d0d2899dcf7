"""Lines -> an SVG with two logarithmic axes, legible on light and on dark pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 62, 210, 34, 44
COLOURS = ("#2f6fde", "#d1495b", "#2a9d6f", "#b07d12", "#7a5bc7", "#5b6770")
STYLE = """text{font:13px system-ui,sans-serif;fill:#222}.grid{stroke:#0002}
@media (prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#fff3}}"""


@dataclass(frozen=True, slots=True)
class Line:
    """Points (x, y), both above 0, by x."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Scale:
    """Decades of values -> pixels."""

    low: int
    high: int
    begin: float
    end: float

    def at(self, value: float) -> float:
        """
        >>> Scale(0, 2, 100, 300).at(10)
        200.0
        """
        share = (log10(value) - self.low) / (self.high - self.low)
        return round(self.begin + share * (self.end - self.begin), 1)


def plotted(lines: Sequence[Line], across: str, up: str) -> str:
    """SVG. `across`, `up`: what the axes are."""
    x = _scale([x for line in lines for x, _ in line.points], LEFT, WIDTH - RIGHT)
    y = _scale([y for line in lines for _, y in line.points], HEIGHT - BOTTOM, TOP)
    parts = [*_grid(x, y), *_curves(lines, x, y)]
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 6}">{escape(across)}</text>')
    parts.append(f'<text x="8" y="{TOP - 16}">{escape(up)}</text>')
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
    said = escape(f"{up} by {across}: " + ", ".join(line.name for line in lines))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box}><title>{said}</title>'
    return "\n".join([head, f"<style>{STYLE}</style>", *parts, "</svg>", ""])


def _scale(values: Sequence[float], begin: float, end: float) -> Scale:
    low, high = floor(log10(min(values))), ceil(log10(max(values)))
    return Scale(low, max(high, low + 1), begin, end)


def _grid(x: Scale, y: Scale) -> Iterator[str]:
    for decade in range(x.low, x.high + 1):
        at = x.at(10**decade)
        yield f'<line class="grid" x1="{at}" y1="{y.begin}" x2="{at}" y2="{y.end}"/>'
        yield f'<text x="{at}" y="{HEIGHT - 24}" text-anchor="middle">{10**decade:,}</text>'
    for decade in range(y.low, y.high + 1):
        at = y.at(10**decade)
        yield f'<line class="grid" x1="{x.begin}" y1="{at}" x2="{x.end}" y2="{at}"/>'
        yield f'<text x="{LEFT - 8}" y="{at + 4}" text-anchor="end">{10.0**decade:g}</text>'


def _curves(lines: Sequence[Line], x: Scale, y: Scale) -> Iterator[str]:
    """Each with its name at its end; names that would meet move apart."""
    ends = sorted(range(len(lines)), key=lambda i: y.at(lines[i].points[-1][1]))
    names: dict[int, float] = {}
    for place, i in enumerate(ends):
        at = y.at(lines[i].points[-1][1]) + 4
        names[i] = max(at, names[ends[place - 1]] + 16) if place else at
    for i, line in enumerate(lines):
        colour = COLOURS[i % len(COLOURS)]
        points = " ".join(f"{x.at(a)},{y.at(b)}" for a, b in line.points)
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.2"/>'
        for a, b in line.points:
            yield f'<circle cx="{x.at(a)}" cy="{y.at(b)}" r="3.2" fill="{colour}"/>'
        end = x.at(line.points[-1][0]) + 10
        yield f'<text x="{end}" y="{round(names[i], 1)}" style="fill:{colour}">{escape(line.name)}</text>'
