"""A commit of git -> its files of the project, in a folder of their own. The work tree is not touched.

They are written by `git checkout-index` and not by `git archive`, which leaves out and rewrites what
.gitattributes says of releases.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlpipes.core.errors import Problem, ProjectError, did_you_mean

PATIENCE_S = 60.0
OF_HOOKS = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_OBJECT_DIRECTORY")
"""What git sets for its hooks, and would lead it elsewhere."""
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
    top = os.path.realpath(_asked(root, "rev-parse", "--show-toplevel"))
    inside = os.path.relpath(os.path.realpath(root), top)
    with tempfile.TemporaryDirectory(prefix="sqlpipes-") as place:
        index = {"GIT_INDEX_FILE": os.path.join(place, "index")}
        tree = os.path.join(
            place, "tree", os.path.basename(top)
        )  # projects are named by their folder
        _told(ref, root, index, "read-tree", commit)
        listed = _told(ref, root, index, "ls-files", "-z", "--full-name", "--", ".")
        if not listed:
            hint = "was the project somewhere else then? --against another commit"
            raise ProjectError(Problem("IMP003", f"{ref} has no files of this folder", hint=hint))
        words = ("checkout-index", "-z", "--stdin", f"--prefix={tree}/")
        _told(ref, top, index, *words, given=listed)
        yield os.path.normpath(os.path.join(tree, inside)), commit[:10]


def _told(ref: str, folder: str, more: dict[str, str], *words: str, given: bytes = b"") -> bytes:
    """What git writes, with an index of our own: what is staged stays as it is."""
    environ = {k: v for k, v in os.environ.items() if k not in OF_HOOKS} | more
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, env=environ, input=given, capture_output=True,
            timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise ProjectError(Problem("IMP001", f"git cannot be asked: {error}")) from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = said[-1] if said else f"git {words[0]} failed"
        raise ProjectError(Problem("IMP003", f"{ref} cannot be read: {why}"))
    return done.stdout


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
            ["git", *words],
            cwd=root,
            env={k: v for k, v in os.environ.items() if k not in OF_HOOKS},
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        if done.returncode == 0:
            return done.stdout.decode("utf-8", "replace").strip()
    return ""
