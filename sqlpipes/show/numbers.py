"""Numbers as people read them."""

from __future__ import annotations


def number_text(value: float) -> str:
    """
    >>> number_text(1234), number_text(0.25), number_text(1 / 3), number_text(2.0)
    ('1,234', '0.25', '0.3333', '2')
    """
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.4f}".rstrip("0") if abs(value) >= 0.0001 else f"{value:.3g}"
