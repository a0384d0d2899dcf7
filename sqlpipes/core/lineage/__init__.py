"""Graph + columns of the sources -> which column comes from which, and what decides the rows.

`column_facts` reads one query, `trace` a whole graph. sqlglot's second door: it is imported only when
a query is really read.
"""

from sqlpipes.core.lineage.facts import ColumnFacts, Edge, EdgeKind, RowSetKind
from sqlpipes.core.lineage.trace import ColumnRef, Hop, Lineage, column_facts, trace

__all__ = [
    "ColumnFacts",
    "ColumnRef",
    "Edge",
    "EdgeKind",
    "Hop",
    "Lineage",
    "RowSetKind",
    "column_facts",
    "trace",
]
