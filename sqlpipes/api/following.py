"""A project -> what other processes build in it, as they do.

The state is read; the warehouse is not opened.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from sqlpipes.api.past import runs
from sqlpipes.api.project import Project, open_store_of
from sqlpipes.core.errors import SqlpipesError

if TYPE_CHECKING:
    from sqlpipes.stores import Holder, RunNews, Store
    from sqlpipes.stores.following import SqlFollower


class Following:
    """The state of a project, held open to be asked several times a second by one thread at a time.

    Every method raises StoreError when it cannot be used; the next call opens it anew.
    """

    def __init__(self, project: Project) -> None:
        self.project = project
        self._store: Store | None = None
        self._follower: SqlFollower | None = None
        self.opened = 0  # times; after another one, what was told before may not hold any more

    def go_on_with(self, project: Project) -> None:
        """The same project, read again; its state may be kept elsewhere now."""
        before, self.project = self.project, project
        if _state_of(before) != _state_of(project):
            self.close()

    def moved(self) -> bool:
        """Whether anything was recorded since it was asked last; the first time it is so."""
        return (found := self._open()) is not None and found.moved()

    @property
    def goes_on(self) -> bool:
        """Whether a run does, as far as `news` has told."""
        return self._follower is not None and bool(self._follower.live)

    def news(self) -> tuple[RunNews, ...]:
        """The runs that have begun, gone on or ended since, with such steps; first all that go on."""
        return found.news() if (found := self._open()) is not None else ()

    def all_live(self) -> tuple[RunNews, ...]:
        """Every run that goes on, as far as `news` has told, without its steps."""
        return found.all_live() if (found := self._open()) is not None else ()

    def bury(self) -> None:
        """Note of runs whose process is gone that they are over, if there may be any."""
        follower = self._follower
        if follower is not None and follower.live and holder_of(self.project) is None:
            runs(self.project, 1)  # whoever asks settles it

    def close(self) -> None:
        if self._follower is not None:
            with suppress(SqlpipesError):
                self._follower.close()
        if self._store is not None:
            self._store.close()
        self._store = self._follower = None

    def _open(self) -> SqlFollower | None:
        if self._follower is not None and self._follower.is_gone:
            self.close()
        if self._follower is None:
            self._store = open_store_of(self.project)
            self._follower = self._store.follow()
            self.opened += 1
        return self._follower


def _state_of(project: Project) -> tuple[str | None, str]:
    return project.config.state, project.target.name


def holder_of(project: Project) -> Holder | None:
    """Who builds in this folder right now, where only one may."""
    from sqlpipes.stores import lock_holder

    return lock_holder(project.root)


def place_of(root: str) -> str:
    """What runs on record in this folder of this machine have as their place."""
    from sqlpipes.stores.lock import place_of

    return place_of(root)
