"""A folder -> the commit of git that its files are of, with `-dirty` when they are not quite.

Asked once a build, and only by one that runs something. Git is started for `-dirty` alone.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress

HASH = re.compile(r"[0-9a-f]{40,64}")
LINKS = 5  # refs that name refs
PATIENCE_S = 2.0


def commit_of(root: str) -> str:
    """The hash; "" outside of git, or before the first commit."""
    home = _git_folder(os.path.abspath(root))
    found = _head(home) if home else ""
    return f"{found}-dirty" if found and _is_dirty(root) else found


def _git_folder(folder: str) -> str | None:
    """`.git` of the folder or of one above it; a worktree has a file that says where its own is."""
    while True:
        there = os.path.join(folder, ".git")
        if os.path.isdir(there):
            return there
        said = _text(there)
        if said.startswith("gitdir:"):
            return os.path.normpath(os.path.join(folder, said.removeprefix("gitdir:").strip()))
        above = os.path.dirname(folder)
        if above == folder:
            return None
        folder = above


def _head(home: str) -> str:
    said = _text(os.path.join(home, "HEAD"))
    shared = os.path.normpath(os.path.join(home, _text(os.path.join(home, "commondir")) or "."))
    for _ in range(LINKS):
        if not said.startswith("ref:"):
            break
        name = said.removeprefix("ref:").strip()
        places = (os.path.join(folder, *name.split("/")) for folder in (home, shared))
        said = next(filter(None, map(_text, places)), "") or _packed(shared, name)
    return said if HASH.fullmatch(said) else ""


def _packed(home: str, name: str) -> str:
    for line in _text(os.path.join(home, "packed-refs")).splitlines():
        found, _, ref = line.partition(" ")
        if ref == name:
            return found
    return ""


def _text(path: str) -> str:
    with suppress(OSError, UnicodeDecodeError), open(path, encoding="utf-8") as file:
        return file.read().strip()
    return ""


def _is_dirty(root: str) -> bool:
    """Whether files that git knows below the folder differ from the commit. In doubt they do not."""
    import subprocess  # a build that has nothing to do need not wait for it

    asked = ["git", "--no-optional-locks", "status", "--porcelain", "--untracked-files=no", "."]
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(asked, cwd=root, capture_output=True, timeout=PATIENCE_S, check=False)
        return done.returncode == 0 and bool(done.stdout.strip())
    return False


def origin_of(root: str) -> str:
    """The URL of the repository that `origin` is, as a browser may open it; "" where there is none.

    Without a name or password that lets one in.
    """
    home = _git_folder(os.path.abspath(root))
    if home is None:
        return ""
    shared = os.path.normpath(os.path.join(home, _text(os.path.join(home, "commondir")) or "."))
    section = re.search(
        r'(?s)\[remote "origin"\](.*?)(?=\n\[|\Z)', _text(os.path.join(shared, "config"))
    )
    found = re.search(r"(?m)^\s*url\s*=\s*(\S+)", section[1]) if section else None
    return _as_web(found[1]) if found else ""


def _as_web(url: str) -> str:
    """
    >>> _as_web("git@github.com:acme/shop.git"), _as_web("https://me:pw@git.acme.com/shop.git")
    ('https://github.com/acme/shop', 'https://git.acme.com/shop')
    >>> _as_web("/srv/git/shop.git")
    ''
    """
    by_ssh = re.fullmatch(r"(?:ssh://)?(?:[^@/]*@)([^:/]+)(?::\d+/|[:/])(.+?)(?:\.git)?/?", url)
    if by_ssh:
        return f"https://{by_ssh[1]}/{by_ssh[2]}"
    by_web = re.fullmatch(r"(https?)://(?:[^@/]*@)?([^?#]+?)(?:\.git)?/?", url)
    return f"{by_web[1]}://{by_web[2]}" if by_web else ""
