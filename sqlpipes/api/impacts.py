"""What the files at hand change since a commit, a saved image or the last build, and what that reaches."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from sqlpipes.api.built import as_built
from sqlpipes.api.columns import known_columns, traced, warehouse_columns
from sqlpipes.api.commit_files import default_ref, unpacked
from sqlpipes.api.images import Faults, image_of, read_image, write_image
from sqlpipes.api.kept import lend
from sqlpipes.api.project import Project, load
from sqlpipes.api.refused import newly_refused
from sqlpipes.core.asset import Column
from sqlpipes.core.config import NOTHING, Plain
from sqlpipes.core.errors import Problem, ProjectError
from sqlpipes.core.impact import AssetImpact, Change, Effect, Image, Impact
from sqlpipes.core.lineage import Lineage
from sqlpipes.decide.impact import impact as weigh
from sqlpipes.decide.unmet import unmet

Seen = Mapping[tuple[str, str, str, str], tuple[Column, ...]]
"""Columns of the warehouse's relations."""

BUILT = "built"
MODELS = (".sql", ".py")


def impact(
    project: Project,
    against: str | None = None,
    *,
    profile: str | None = None,
    profiles_dir: str | None = None,
    vars: Mapping[str, Plain] = NOTHING,
) -> Impact:
    """What the files of `project` change. `against`: "built", a file of `save_image`, or a commit of git.

    None: the commit at which the branch began. The rest is how the other files are read. Raises
    ProjectError: IMP001 to IMP004, and for files that cannot be read, whose assets would seem gone.
    """
    _refuse_unread(project)
    seen = warehouse_columns(project)
    lineage = _lineage(project, known_columns(project, connect=True, seen=seen))
    faults = faults_of(project, lineage)
    if against == BUILT:
        found = _since(as_built(project), project, lineage, faults, seen, "what was built")
    elif against is not None and os.path.isfile(against):
        now = image_of(project, lineage, faults, BUILT)
        found = weigh(project.graph, lineage, read_image(against), now, faults)
    else:
        ref = against or default_ref(project.root)
        with unpacked(project.root, ref) as (folder, commit):
            lend(project.root, folder)
            before = load(
                folder,
                target=project.target.name,
                profile=profile,
                profiles_dir=profiles_dir or _profiles_of(project.root),
                vars=vars,
            )
            called = commit if against is None or commit.startswith(against) else against
            found = _since(before, project, lineage, faults, seen, called)
    return replace(found, problems=_elsewhere(project))


def save_image(project: Project, path: str) -> Image:
    """Write what the project is now to a file that `impact` compares with; `-` is stdout."""
    _refuse_unread(project)
    lineage = _lineage(project, known_columns(project, connect=True))
    image = image_of(project, lineage, faults_of(project, lineage), os.path.basename(path))
    write_image(project, image, path)
    return image


def _since(
    before: Project,
    project: Project,
    lineage: Lineage,
    faults: Faults,
    seen: Seen,
    name: str,
) -> Impact:
    """Compared with other files, whose queries can be tried beside those at hand."""
    old, now = _both(before, project, lineage, faults, seen, name)
    found = weigh(project.graph, lineage, old, now, faults)
    asked = [each.asset for each in found.assets if _may_be_refused(each)]
    refused = newly_refused(before, project, lineage, asked)
    if not refused:
        return found
    more = {each: (*faults.get(each, ()), *problems) for each, problems in refused.items()}
    return weigh(project.graph, lineage, old, now, {**faults, **more})


def _may_be_refused(each: AssetImpact) -> bool:
    """Nothing is said yet of why it would fail, and it is not what it was or reads what is not."""
    is_other = each.change in (Change.ADDED, Change.CHANGED)
    return not each.problems and (is_other or each.effect in (Effect.TOUCHED, Effect.UNKNOWN))


def _both(
    before: Project,
    project: Project,
    lineage: Lineage,
    faults: Faults,
    seen: Seen,
    name: str,
) -> tuple[Image, Image]:
    """Images of the old files and of those at hand; only queries that differ are looked into."""
    here = before.root == project.root
    was = _lineage(before, known_columns(before, connect=False, seen=seen), keep=not here)
    changed = _differing(before, project)
    return (
        image_of(before, was, faults_of(before, was), name, changed),
        image_of(project, lineage, faults, "", changed),
    )


def _lineage(
    project: Project, known: Mapping[str, tuple[Column, ...]], *, keep: bool = True
) -> Lineage:
    """With the edges of every text that a template may be."""
    from sqlpipes.core.lineage.digested import with_every_branch

    found = traced(project, known, keep=keep)
    return with_every_branch(project.graph, found, project.graph.order)


def _differing(before: Project, project: Project) -> frozenset[str]:
    """Assets that are not what they were, and all that reads one: it may take other columns of it."""
    then, now = before.graph, project.graph
    names = {
        name
        for name in then.assets.keys() | now.assets.keys()
        if name not in then.assets
        or name not in now.assets
        or then.assets[name].version != now.assets[name].version
        or then.assets[name].columns != now.assets[name].columns
        or then.parents(name) != now.parents(name)
    }
    below = [then.descendants(names & set(then.order)), now.descendants(names & set(now.order))]
    return frozenset(names).union(*below)


def _profiles_of(root: str) -> str | None:
    """The profile is that of today: it is often in no commit."""
    return root if os.path.isfile(os.path.join(root, "profiles.yml")) else None


def _refuse_unread(project: Project) -> None:
    """A file that cannot be read has no asset, which would seem gone."""
    unread = [each for each in _elsewhere(project) if each.at and each.at.file.endswith(MODELS)]
    if unread:
        raise ProjectError(*unread)


def _elsewhere(project: Project) -> tuple[Problem, ...]:
    """Errors in files that make no asset."""
    files = {asset.path for asset in project.graph.assets.values()}
    return tuple(each for each in project.errors if each.at is None or each.at.file not in files)


def faults_of(project: Project, lineage: Lineage) -> dict[str, tuple[Problem, ...]]:
    """Asset -> the errors of its files, of its columns, and of what it asks of columns."""
    by_file: dict[str, list[Problem]] = {}
    for problem in project.errors:
        if problem.at is not None:
            by_file.setdefault(problem.at.file, []).append(problem)
    asked: dict[str, list[Problem]] = {}
    for name, problem in unmet(project.graph, lineage):
        asked.setdefault(name, []).append(problem)
    found: dict[str, tuple[Problem, ...]] = {}
    for name, asset in project.graph.assets.items():
        facts = lineage.facts.get(name)
        columns = [each for each in facts.problems if each.is_error] if facts else []
        own = [*by_file.get(asset.path, ()), *columns, *asked.get(name, ())]
        if own:
            found[name] = tuple(dict.fromkeys(own))
    return found
