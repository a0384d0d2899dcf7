"""Slices as integers and labels: the only place with date arithmetic.

An asset is cut along an axis (time, integers, values, or a product of these), a slice is an ordinal
of it, a set of slices is a sorted row of half-open ranges, and everything is set algebra.
"""

from __future__ import annotations

from sqlpipes.core.partitions.axes import (
    WHOLE_AXIS,
    Axis,
    IntegerAxis,
    Label,
    Labels,
    PlainAxis,
    ProductAxis,
    TimeAxis,
    ValueAxis,
    WholeAxis,
    axes_of,
    axis_of,
    bounds,
    first_of,
    first_place,
    keys_of,
    meets,
    rest_of,
    rest_places,
)
from sqlpipes.core.partitions.calendar import Grain, as_naive_utc, window_text
from sqlpipes.core.partitions.clocks import Stretch, beat, stretches_of
from sqlpipes.core.partitions.parsing import (
    UNITS,
    named_slices,
    narrowed,
    parse_instant,
    parse_partitions,
    parse_step,
    value_text,
)
from sqlpipes.core.partitions.partitioning import (
    Partitioning,
    partitioning_from,
    partitioning_plain,
)
from sqlpipes.core.partitions.plain import axis_from, axis_plain
from sqlpipes.core.partitions.ranges import Range, Ranges
from sqlpipes.core.partitions.reach import (
    OTHER_CLOCK,
    TURNED_CLOCK,
    TURNED_MONTH,
    DrillDown,
    Hop,
    Near,
    Reach,
    RollUp,
    Span,
    reach_from,
    reach_plain,
    reach_text,
    read_ranges,
)
from sqlpipes.core.partitions.slices import WHOLE, Partitions
from sqlpipes.core.partitions.zones import is_zone, zone_names

__all__ = [
    "OTHER_CLOCK",
    "TURNED_CLOCK",
    "TURNED_MONTH",
    "UNITS",
    "WHOLE",
    "WHOLE_AXIS",
    "Axis",
    "DrillDown",
    "Grain",
    "Hop",
    "IntegerAxis",
    "Label",
    "Labels",
    "Near",
    "Partitioning",
    "Partitions",
    "PlainAxis",
    "ProductAxis",
    "Range",
    "Ranges",
    "Reach",
    "RollUp",
    "Span",
    "Stretch",
    "TimeAxis",
    "ValueAxis",
    "WholeAxis",
    "as_naive_utc",
    "axes_of",
    "axis_from",
    "axis_of",
    "axis_plain",
    "beat",
    "bounds",
    "first_of",
    "first_place",
    "is_zone",
    "keys_of",
    "meets",
    "named_slices",
    "narrowed",
    "parse_instant",
    "parse_partitions",
    "parse_step",
    "partitioning_from",
    "partitioning_plain",
    "reach_from",
    "reach_plain",
    "reach_text",
    "read_ranges",
    "rest_of",
    "rest_places",
    "stretches_of",
    "value_text",
    "window_text",
    "zone_names",
]
