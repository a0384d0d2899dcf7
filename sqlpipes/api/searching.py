"""Project + a text -> where it stands: names, columns, labels, descriptions, queries."""

from __future__ import annotations

from collections.abc import Container
from contextlib import suppress

from sqlpipes.api.columns import lineage
from sqlpipes.api.project import Project
from sqlpipes.core.errors import Location, SqlpipesError
from sqlpipes.decide.search import Found
from sqlpipes.decide.search import near as nearest_to
from sqlpipes.decide.search import search as search_graph


def search(
    project: Project, text: str, among: Container[str] | None = None
) -> tuple[tuple[Found, ...], str | None]:
    """Assets that have every word of the text somewhere, the likeliest first; of these names only.

    When nothing has them, also a hint with the nearest name.
    """
    from sqlpipes.core.lineage import Lineage, documented

    traced = Lineage()
    with suppress(SqlpipesError):
        traced = lineage(project)
    columns = documented(project.graph, traced)
    made_at = {
        (name, edge.column): Location(project.graph.assets[name].at.file, edge.line, edge.column_at)
        for name, facts in traced.facts.items()
        for edge in facts.value_edges
        if edge.expression and edge.column
    }
    found = search_graph(project.graph, columns, text, made_at=made_at)
    if among is not None:
        found = tuple(each for each in found if each.asset in among)
    return found, None if found else nearest_to(project.graph, columns, text)
