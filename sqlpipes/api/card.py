"""What is known of an asset beside its slices: its columns with their descriptions, and its newest build."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from sqlpipes.api.columns import lineage
from sqlpipes.api.project import Project, open_store_of
from sqlpipes.core.asset import Asset
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import ProjectError, SqlpipesError
from sqlpipes.core.plan import Action
from sqlpipes.core.status import Status

if TYPE_CHECKING:
    from sqlpipes.core.lineage import Documented
    from sqlpipes.stores import Note, Store


@dataclass(frozen=True, slots=True)
class Card:
    """`last` is the newest step that ended well and not only ran checks; `commit` that of its run."""

    asset: Asset
    columns: tuple[Documented, ...]
    last: Note | None = None
    commit: str = ""


def column_docs(project: Project) -> dict[str, tuple[Documented, ...]]:
    """Every asset's columns, each with its own description or that of the column it copies.

    Without lineage, of a project that cannot be read whole, there are the declared ones.
    """
    from sqlpipes.core.lineage import Lineage, documented

    traced = Lineage()
    with suppress(SqlpipesError):
        traced = lineage(project)
    return documented(project.graph, traced)


def cards(project: Project, names: Iterable[str]) -> dict[str, Card]:
    """A card for each of these assets."""
    docs = column_docs(project)
    with closing(open_store_of(project)) as store:
        return {name: _card(project, name, docs.get(name, ()), store) for name in names}


def _card(project: Project, name: str, docs: tuple[Documented, ...], store: Store) -> Card:
    ended = [
        note for note in store.notes(name) if note.step.action not in (Action.CHECK, Action.EXTRAS)
    ]
    wrote = [note for note in ended if note.step.status in (Status.SUCCESS, Status.WARN)]
    last, commit = (wrote[-1] if wrote else None), ""
    if last is not None:
        with suppress(ProjectError):  # told outside of runs
            commit = store.run(last.run_id).commit
    return Card(project.graph.assets[name], docs, last, commit)
