"""Assets + their references -> the graph: who reads whom, in which order, and what does not resolve."""

from sqlpipes.core.graph.linked import Graph, Input
from sqlpipes.core.graph.linking import link

__all__ = ["Graph", "Input", "link"]
