"""Node kind -> the rule that says it for the target, or refuses it; a row of them for each pair of dialects.

A rule takes the node, whose parts are done, and gives what stands in its place.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from sqlpipes.core.sql.porting.aggregates import AGGREGATES
from sqlpipes.core.sql.porting.casts import CASTS
from sqlpipes.core.sql.porting.numbers import NUMBERS
from sqlpipes.core.sql.porting.porting import FAMILY, OURS, Porting
from sqlpipes.core.sql.porting.spark import RULES as SPARK
from sqlpipes.core.sql.porting.texts import TEXTS
from sqlpipes.core.sql.porting.times import TIMES

Rule = Callable[[Porting, Any], Any]

RULES: MappingProxyType[tuple[str, str], dict[str, Rule]] = MappingProxyType(
    {
        ("duckdb", "postgres"): {**AGGREGATES, **CASTS, **NUMBERS, **TEXTS, **TIMES},
        ("duckdb", "spark"): dict(SPARK),
    }
)


def apply_rules(porting: Porting, tree: Any) -> Any:
    """Each node once, leaves first."""
    rules = RULES.get((porting.read, porting.write), {})
    for node in reversed(list(tree.walk(bfs=True))):
        rule = rules.get(type(node).__name__)
        if rule is None or node.meta.get(OURS):
            continue
        found = rule(porting, node)
        if found is not node:
            found.meta.setdefault(FAMILY, node.meta.get(FAMILY))
            node.replace(found)
    return tree
