"""Project -> its open warehouses: the target's own, and those further engines that any asset lives on.

A project whose assets live on one engine opens, looks at and asks that one, and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from sqlpipes.api.project import Project
from sqlpipes.core.config import Target
from sqlpipes.core.engine import Engines
from sqlpipes.core.graph import engines_of

if TYPE_CHECKING:
    from sqlpipes.core.engine import Connection, Engine
    from sqlpipes.run.warehouse import Warehouses


def further_engines(project: Project) -> tuple[str, ...]:
    """Their names, those that nothing lives on left out."""
    return tuple(sorted(engines_of(project.graph))) if project.target.engines else ()


def targets(project: Project) -> dict[str, Target]:
    """Engine -> its target; the target's own engine has no name."""
    target = project.target
    return {"": target, **{name: target.on(name) for name in further_engines(project)}}


def open_engines(
    project: Project, *, wait_s: float = 0, on_wait: Callable[[str], None] = lambda said: None
) -> Engines:
    """All of them, to write to; `on_wait` is told of one that is asked again. Raises EngineError for
    the first that cannot be opened."""
    from sqlpipes.engines import open_engine

    root = project.root
    return _each(project, lambda one: open_engine(one, root, wait_s=wait_s, on_wait=on_wait))


def engines_to_look(project: Project) -> Engines:
    """All of them, only to look; one that is not there yet is an empty one."""
    from sqlpipes.engines import blank, exists, open_engine

    def opened(one: Target) -> Engine:
        if not exists(one, project.root):
            return blank(one, project.root)
        return open_engine(one, project.root, read_only=True)

    return _each(project, opened)


def blank_engines(project: Project) -> Engines:
    """Empty ones of the same kinds, that nothing keeps."""
    from sqlpipes.engines import blank

    return _each(project, lambda one: blank(one, project.root))


def engines_to_spell(project: Project) -> Engines:
    """All of them, to say what relations are called; opened, only to look, if one cannot say so unopened."""
    from sqlpipes.engines import unopened

    found = {name: unopened(one, project.root) for name, one in targets(project).items()}
    spelling = {name: engine for name, engine in found.items() if engine is not None}
    if len(spelling) < len(found):
        return engines_to_look(project)
    own = spelling.pop("")
    return Engines(own, spelling)


def _each(project: Project, opened: Callable[[Target], Engine]) -> Engines:
    with ExitStack() as stack:
        found: dict[str, Engine] = {}
        for name, one in targets(project).items():
            found[name] = stack.enter_context(closing(opened(one)))
        stack.pop_all()
    own = found.pop("")
    return Engines(own, found)


def are_there(project: Project) -> bool:
    """Whether there is any to be looked into."""
    from sqlpipes.engines import exists

    return any(exists(one, project.root) for one in targets(project).values())


def are_shared(project: Project) -> bool:
    """Whether several builds may write to all of them at once."""
    from sqlpipes.engines import is_shared

    return all(is_shared(one) for one in targets(project).values())


def stamp_of(project: Project) -> str | None:
    """Moves when anything was written to any of them; None when that cannot be known of one."""
    from sqlpipes.engines import stamp

    found = {name: stamp(one, project.root) for name, one in targets(project).items()}
    if any(each is None for each in found.values()):
        return None
    return "|".join(f"{name}={each}" if name else str(each) for name, each in found.items())


def look(engines: Engines, project: Project) -> Warehouses:
    """What stands in them now."""
    from sqlpipes.run.warehouse import warehouses_of

    return warehouses_of(engines, project.target, project.root)


@contextmanager
def connections(engines: Engines) -> Iterator[Callable[[str], Connection]]:
    """A connection to each that is asked for, by name, until the end."""
    opened: dict[str, Connection] = {}
    with ExitStack() as stack:

        def connect(engine: str) -> Connection:
            if engine not in opened:
                opened[engine] = stack.enter_context(closing(engines.named(engine).connect()))
            return opened[engine]

        yield connect
