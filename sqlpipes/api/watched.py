"""A folder -> what tells that a file of the project has changed. Nothing is opened."""

from __future__ import annotations

import os
from dataclasses import replace

from sqlpipes.api.queue import How

SUFFIXES = frozenset({"sql", "py", "yml", "yaml", "toml"})

Seen = tuple[tuple[str, int, int], ...]
"""Path, time and size of each file."""


def files_seen(how: How) -> Seen:
    """Another one when a file that is read has come, gone or changed."""
    from sqlpipes.read.files import one_file, walk

    root, profiles = os.path.abspath(how.root), how.profiles_dir
    files = [file for file in walk(root, ".", []) if file.suffix in SUFFIXES or _is_data(file.path)]
    if profiles and (file := one_file(profiles, "profiles.yml")):
        files.append(replace(file, path=file.absolute))
    return tuple((file.path, file.mtime_ns, file.size) for file in files)


def _is_data(path: str) -> bool:
    """Whether it may be a seed: such are read as well, wherever the seeds' folder is."""
    return path.rpartition(".")[2].casefold() in ("csv", "parquet", "json", "tsv")
