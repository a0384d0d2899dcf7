"""Files and folders on disk: one takes another's place at once, and is measured by its content."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

HERE = -100  # AT_FDCWD: paths count from where the process stands
OLD = ".old"  # the folder that makes room, where the two cannot change places
SWAP = 2  # RENAME_EXCHANGE
NO_SWAP = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)  # an old kernel, or a disk that cannot


def put(place: str, path: str) -> None:
    """Move what stands at `place` to `path`, in the place of what is there. Raises OSError.

    Nobody sees half of it: a file replaces a file; a folder changes places with the old one.
    """
    for file in files_below(place):
        with open(file, "rb") as stream:
            os.fsync(stream.fileno())
    no_folder = not os.path.isdir(place) and not os.path.isdir(path)
    if no_folder or not os.path.lexists(path):
        os.replace(place, path)
    elif _swapped(place, path):
        remove(place)
    else:
        old = place + OLD
        os.rename(path, old)
        try:
            os.rename(place, path)
        except OSError:
            os.rename(old, path)
            raise
        remove(old)


def _swapped(one: str, other: str) -> bool:
    """Whether the two have changed names in one step, which Linux can on most disks."""
    if sys.platform != "linux":
        return False
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:
        return False
    if rename(HERE, os.fsencode(one), HERE, os.fsencode(other), SWAP) == 0:
        return True
    if (code := ctypes.get_errno()) in NO_SWAP:
        return False
    raise OSError(code, os.strerror(code), other)


def remove(path: str) -> None:
    """A file or a folder with all that is in it; nothing when there is none."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        os.unlink(path)


def files_below(path: str) -> Iterator[str]:
    """Of a folder all files in it, in an order that is always the same; a file is itself."""
    if not os.path.isdir(path):
        yield path
        return
    for folder, below, names in os.walk(path):
        below.sort()
        yield from (os.path.join(folder, name) for name in sorted(names))


def has_content(path: str) -> bool:
    """Whether there is a file, or a folder with one in it."""
    return os.path.isfile(path) or (os.path.isdir(path) and any(True for _ in files_below(path)))


def measured(path: str) -> dict[str, Any]:
    """bytes and digest, and of a folder the number of files."""
    if not os.path.isdir(path):
        with open(path, "rb") as stream:
            digest = hashlib.file_digest(stream, "blake2b").hexdigest()[:32]
        return {"bytes": os.path.getsize(path), "digest": digest}
    files = list(files_below(path))
    whole = hashlib.blake2b(digest_size=16)
    for file in files:
        name = os.path.relpath(file, path).replace(os.sep, "/")
        whole.update(f"{name}\0{measured(file)['digest']}\n".encode())
    size = sum(os.path.getsize(file) for file in files)
    return {"files": len(files), "bytes": size, "digest": whole.hexdigest()}
