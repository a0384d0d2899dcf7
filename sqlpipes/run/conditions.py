"""`error_if` and `warn_if`: a condition on the number of bad rows, or on their share."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from types import MappingProxyType

from sqlpipes.core.asset import Check
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, ProjectError, Severity
from sqlpipes.core.status import Status

OPERATORS: MappingProxyType[str, Callable[[float, float], bool]] = MappingProxyType(
    {
        ">": operator.gt,
        ">=": operator.ge,
        "<": operator.lt,
        "<=": operator.le,
        "=": operator.eq,
        "==": operator.eq,
        "!=": operator.ne,
        "<>": operator.ne,
    }
)
CONDITION = re.compile(r"\s*(>=|<=|<>|!=|==|=|>|<)\s*(\d+(?:\.\d+)?)\s*(%?)\s*")


@dataclass(frozen=True, slots=True)
class Condition:
    """`> 10`, or `>= 1.5%` of the rows that the check looks at."""

    compare: str
    bound: float
    percent: bool

    def holds(self, failures: int, total: int | None) -> bool:
        """`total` is needed for a share; of no rows at all, any bad one is everything."""
        measured: float = failures
        if self.percent:
            measured = 100.0 * failures / total if total else (100.0 if failures else 0.0)
        return OPERATORS[self.compare](measured, self.bound)


def parse_condition(text: str, check: Check) -> Condition:
    """Raises ProjectError CHK011 for anything else.

    >>> parse_condition(">= 1.5 %", Check("c", "orders", "not_null"))
    Condition(compare='>=', bound=1.5, percent=True)
    """
    found = CONDITION.fullmatch(text)
    if found is None:
        message = f"check '{check.name}': '{text}' is no condition on a number of rows"
        raise ProjectError(Problem("CHK011", message, check.at, "write e.g. '> 10' or '> 1%'"))
    return Condition(found[1], float(found[2]), bool(found[3]))


def needs_total(check: Check) -> bool:
    """Whether the verdict depends on how many rows were looked at."""
    return "%" in check.error_if or "%" in check.warn_if


def verdict(check: Check, failures: int, total: int | None = None) -> Status:
    """SUCCESS, WARN, or FAIL, which blocks publication.

    >>> verdict(Check("c", "orders", "not_null", error_if="> 10"), 3)
    <Status.WARN: 'warn'>
    """
    errs, warns = (parse_condition(text, check) for text in (check.error_if, check.warn_if))
    if check.severity is Severity.ERROR and errs.holds(failures, total):
        return Status.FAIL
    return Status.WARN if warns.holds(failures, total) else Status.SUCCESS
