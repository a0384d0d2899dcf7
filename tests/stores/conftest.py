"""Every store that a test here opens is closed when it ends: Python 3.13 warns of an open file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def stores_are_closed(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    with ExitStack() as stack:
        for name in ("open_store", "open_sql_store"):
            opening = getattr(request.module, name, None)
            if opening is not None:
                monkeypatch.setattr(request.module, name, _noted(opening, stack))
        yield


def _noted(opening: Callable[..., Any], stack: ExitStack) -> Callable[..., Any]:
    def opened(*args: Any, **named: Any) -> Any:
        return stack.enter_context(closing(opening(*args, **named)))

    return opened
