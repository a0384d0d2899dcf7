"""What a request did wrong -> an HTTP status and a Problem, as every other fault is told."""

from __future__ import annotations

from collections.abc import Iterable

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is none: status is that of HTTP."""

    status: int
    problems: tuple[Problem, ...]


class Refused(Exception):
    """Ends a request; the app answers with what it holds."""

    def __init__(self, status: int, problems: Iterable[Problem]) -> None:
        super().__init__()
        self.refusal = Refusal(status, tuple(problems))


def refused(status: int, code: str, message: str, hint: str | None = None) -> Refused:
    return Refused(status, [Problem(code, message, hint=hint)])
