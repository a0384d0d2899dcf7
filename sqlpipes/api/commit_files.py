"""A commit of git -> its files of the project, in a folder of their own. The work tree is not touched."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlpipes.core.errors import Problem, ProjectError, did_you_mean

PATIENCE_S = 60.0
BRANCHES = ("origin/main", "origin/master", "main", "master")


def default_ref(root: str) -> str:
    """Where the branch at hand began: the newest commit that it shares with the default branch.

    ProjectError IMP001 outside of git or before the first commit.
    """
    head = _asked(root, "rev-parse", "--verify", "--quiet", "HEAD")
    if not head:
        raise ProjectError(
            Problem(
                "IMP001",
                f"there is no commit of git to compare with in {os.path.abspath(root)}",
                hint="--against built compares with what was last built, --against FILE with "
                "what --save wrote",
            )
        )
    said = _asked(root, "rev-parse", "--abbrev-ref", "origin/HEAD")
    for branch in dict.fromkeys(filter(None, (said, *BRANCHES))):
        base = _asked(root, "merge-base", "HEAD", branch)
        if base:
            return base
    return head


def branches(root: str) -> tuple[str, ...]:
    """Names of branches and tags; none outside of git."""
    return tuple(_asked(root, "for-each-ref", "--format=%(refname:short)").split())


@contextmanager
def unpacked(root: str, ref: str) -> Iterator[tuple[str, str]]:
    """(folder, short hash) of the project's files at `ref`; the folder goes afterwards.

    ProjectError IMP001 outside of git, IMP002 for what is no commit, IMP003 when the project's folder
    was not there.
    """
    commit = _commit(root, ref)
    try:
        done = subprocess.run(
            ["git", "archive", "--format=tar", commit, "."],
            cwd=root, capture_output=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise ProjectError(Problem("IMP001", f"git cannot be asked: {error}")) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ProjectError(
            Problem(
                "IMP003",
                f"{ref} has no files of this folder: {said[0] if said else 'git archive failed'}",
                hint="was the project somewhere else then? --against another commit",
            )
        )
    with tempfile.TemporaryDirectory(prefix="sqlpipes-") as folder:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
            for member in tar:
                with suppress(tarfile.FilterError):  # a link that leads out of the folder
                    tar.extract(member, folder, filter="data")
        yield folder, commit[:10]


def _commit(root: str, ref: str) -> str:
    if not _asked(root, "rev-parse", "--git-dir"):
        raise ProjectError(
            Problem(
                "IMP001",
                f"{os.path.abspath(root)} is in no repository of git",
                hint="--against built compares with what was last built",
            )
        )
    found = _asked(
        root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
    )
    if not found:
        hint = (
            did_you_mean(ref, branches(root))
            or "a file that --save wrote, 'built', or a commit of git"
        )
        raise ProjectError(Problem("IMP002", f"'{ref}' is neither a commit nor a file", hint=hint))
    return found


def _asked(root: str, *words: str) -> str:
    """What git says; "" when it says no, or is not there."""
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, timeout=PATIENCE_S, check=False
        )
        if done.returncode == 0:
            return done.stdout.decode("utf-8", "replace").strip()
    return ""
