"""Graph + columns of the sources -> which column comes from which, and what decides the rows.

`column_facts` reads one query, `trace` a whole graph; `localities` proves which rows of its inputs a
window of a query's column hangs on. sqlglot's second door: it is imported only when a query is
really read.
"""

from sqlpipes.core.lineage.basis import Basis, Bound, Columns, basis, bound, queries_of
from sqlpipes.core.lineage.defined import DIGESTS, Defined, defined
from sqlpipes.core.lineage.facts import ColumnFacts, Edge, EdgeKind, RowSetKind, is_any_column
from sqlpipes.core.lineage.inherited import Documented, documented
from sqlpipes.core.lineage.local import (
    Local,
    Locals,
    Passed,
    through,
)
from sqlpipes.core.lineage.proving import PROVER, localities
from sqlpipes.core.lineage.trace import ColumnRef, Hop, Lineage, Tracer, column_facts, trace
from sqlpipes.core.lineage.ways import Way, Ways, ways

__all__ = [
    "DIGESTS",
    "PROVER",
    "Basis",
    "Bound",
    "ColumnFacts",
    "ColumnRef",
    "Columns",
    "Defined",
    "Documented",
    "Edge",
    "EdgeKind",
    "Hop",
    "Lineage",
    "Local",
    "Locals",
    "Passed",
    "RowSetKind",
    "Tracer",
    "Way",
    "Ways",
    "basis",
    "bound",
    "column_facts",
    "defined",
    "documented",
    "is_any_column",
    "localities",
    "queries_of",
    "through",
    "trace",
    "ways",
]
