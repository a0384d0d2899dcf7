"""What a dialect certainly cannot read, in a query that is taken over unchecked: told before it is run.

Only clauses that sqlglot writes as they are, and that no version of the target has.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from sqlglot import exp

from sqlpipes.core.sql.porting.porting import Porting

Lacks = tuple[type[exp.Expr], Callable[[Any], Any], str, str]
BOTH: tuple[Lacks, ...] = (
    (exp.Group, lambda node: node.args.get("all"), "GROUP BY ALL", "name the columns"),
    (exp.GroupingSets, bool, "GROUPING SETS", "use UNION ALL"),
    (exp.Cube, bool, "CUBE", "use UNION ALL"),
    (exp.Star, lambda node: node.args.get("except_"), "SELECT * EXCLUDE", "list the columns"),
    (exp.Star, lambda node: node.args.get("replace"), "SELECT * REPLACE", "list the columns"),
    (exp.SetOperation, lambda node: node.args.get("by_name"), "BY NAME", "list the columns"),
    (exp.Join, lambda node: node.method == "ASOF", "ASOF JOIN", "join on a condition"),
)
FILTER: Lacks = (exp.Filter, bool, "FILTER", "write sum(case when ... then 1 end)")
LACKING = MappingProxyType({"sqlite": BOTH, "mysql": (*BOTH, FILTER)})


def refuse_shortfalls(porting: Porting, tree: exp.Query) -> None:
    """TRN007 for each clause that the target has in no version."""
    for kind, has, name, hint in LACKING.get(porting.write, ()):
        for node in tree.find_all(kind):
            if has(node):
                message = f"there is no {name} in {porting.write}"
                porting.refuse(node, "TRN007", message, hint, word=name.split()[0])
