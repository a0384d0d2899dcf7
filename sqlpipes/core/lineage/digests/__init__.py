"""SQL text + the columns of its inputs -> Digests: which of its columns, or its rows, another text moves.

Two texts with equal `rows` have the same rows over the same tables, and a column with the same digest in
both has the same values in them. Unequal digests prove nothing. What is not understood has no digest: it
counts as different from everything.
"""

from __future__ import annotations

from sqlpipes.core.lineage.digests.digests import Digests, digests_of_trees, parsed, read_digests

__all__ = ["Digests", "digests_of_trees", "parsed", "read_digests"]
