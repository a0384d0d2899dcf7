"""An axis <-> the plain value that states and caches keep. A unit in UTC is its bare name, as ever."""

from __future__ import annotations

from typing import Any

from sqlpipes.core.partitions.axes import (
    WHOLE_AXIS,
    Axis,
    IntegerAxis,
    PlainAxis,
    ProductAxis,
    TimeAxis,
    ValueAxis,
    WholeAxis,
    axis_of,
)
from sqlpipes.core.partitions.calendar import Grain


def axis_plain(axis: Axis) -> Any:
    """Text, or a mapping that JSON can hold.

    >>> axis_plain(TimeAxis(Grain.DAY)), axis_plain(IntegerAxis(10))
    ('day', {'by': 'integer', 'width': 10, 'origin': 0})
    """
    if isinstance(axis, WholeAxis):
        return Grain.WHOLE.value
    if isinstance(axis, IntegerAxis):
        return {"by": "integer", "width": axis.width, "origin": axis.origin}
    if isinstance(axis, ValueAxis):
        return {"by": "values"}
    if isinstance(axis, ProductAxis):
        return {"by": [axis_plain(each) for each in axis.axes], "columns": list(axis.columns)}
    if axis.step == 1 and axis.zone == "UTC":
        return axis.unit.value
    return {"by": axis.unit.value, "step": axis.step, "zone": axis.zone}


def axis_from(plain: Any) -> Axis:
    """The axis again. ValueError or KeyError for what `axis_plain` never wrote."""
    if isinstance(plain, str):
        return axis_of(Grain(plain))
    by = plain["by"]
    if isinstance(by, list):
        return ProductAxis(tuple(_plain_axis(each) for each in by), tuple(plain["columns"]))
    if by == "values":
        return ValueAxis()
    if by == "integer":
        return IntegerAxis(plain["width"], plain["origin"])
    return TimeAxis(Grain(by), plain["step"], plain["zone"])


def _plain_axis(plain: Any) -> PlainAxis:
    axis = axis_from(plain)
    if isinstance(axis, ProductAxis) or axis == WHOLE_AXIS:
        raise ValueError(f"{axis} is no part of a product")
    assert not isinstance(axis, WholeAxis)
    return axis
