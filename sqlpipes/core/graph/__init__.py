"""Assets + their references -> the graph: who reads whom, in which order, and what does not resolve."""

from sqlpipes.core.graph.engines import borrowed, engines_of
from sqlpipes.core.graph.linked import Graph, Input
from sqlpipes.core.graph.linking import link

__all__ = ["Graph", "Input", "borrowed", "engines_of", "link"]
