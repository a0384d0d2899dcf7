"""One build at a time in one project folder: a lock that the operating system drops with its process."""

from __future__ import annotations

import json
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import IO

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import LockedError, Problem
from sqlpipes.core.hiding import without_vars

POLL_S = 0.05
LOOK_S = 0.2  # whoever only looks who holds it takes the lock for an instant


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock. `command` is as it was typed."""

    pid: int
    command: str
    host: str

    def __str__(self) -> str:
        where = "" if self.host == platform.node() else f" on {self.host}"
        return f"'{self.command}' (process {self.pid}{where})"


@contextmanager
def build_lock(
    root: str,
    *,
    wait_s: float = 0,
    command: str | None = None,
    on_wait: Callable[[str], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Iterator[None]:
    """Hold <root>/.sqlpipes/build.lock; LockedError with the holder's name after `wait_s`, or on `stop`.

    `on_wait` is told who holds it when the waiting begins, and whenever that is somebody else. The
    file stays: only a lock on it counts, and that dies with its process however it ends.
    """
    with _open_lock(root) as file:
        _wait_for(file, root, wait_s, on_wait, stop)
        try:
            _sign(
                file,
                Holder(os.getpid(), command or shlex.join(without_vars(sys.argv)), platform.node()),
            )
            yield
        finally:
            _sign(file, None)
            _unlock(file)


def lock_holder(root: str) -> Holder | None:
    """Who is building in `root` right now; None when nobody is."""
    path = os.path.join(root, ".sqlpipes", "build.lock")
    if not os.path.exists(path):
        return None
    with open(path, "a+", encoding="utf-8") as file:
        if _try_lock(file):
            _unlock(file)
            return None
        return _read_holder(file) or Holder(0, "unknown", "")


def place_of(root: str) -> str:
    """What a build lock covers: one folder on one machine, as host:/path."""
    return f"{platform.node()}:{os.path.realpath(root)}"


def state_folder(root: str) -> str:
    """<root>/.sqlpipes, made when missing, and kept out of git."""
    folder = os.path.join(root, ".sqlpipes")
    if not os.path.isdir(folder):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, ".gitignore"), "w", encoding="utf-8") as file:
            file.write("*\n")
    return folder


def _open_lock(root: str, name: str = "build.lock") -> IO[str]:
    try:
        return open(os.path.join(state_folder(root), name), "a+", encoding="utf-8")
    except OSError as error:
        message = f"cannot write in {os.path.join(root, '.sqlpipes')}: {error.strerror}"
        raise LockedError(Problem("LCK002", message)) from error


def _wait_for(
    file: IO[str],
    root: str,
    wait_s: float,
    on_wait: Callable[[str], None] | None,
    stop: Callable[[], bool],
) -> None:
    began = time.monotonic()
    told = None
    while not _try_lock(file):
        waited, holder = time.monotonic() - began, _read_holder(file)
        if stop() or waited >= max(wait_s, LOOK_S):
            raise LockedError(_locked(holder, root))
        if on_wait and waited >= LOOK_S and holder and holder != told:
            on_wait(str(holder))
            told = holder
        time.sleep(POLL_S)


def _locked(holder: Holder | None, root: str) -> Problem:
    return Problem(
        "LCK001",
        f"{holder or 'another process'} is building in {os.path.abspath(root)}",
        hint="wait for it to end, or stop it: a build that is stopped leaves nothing half done",
    )


def _sign(file: IO[str], holder: Holder | None) -> None:
    """The name is a courtesy: on a full disk the lock holds without one."""
    said = json.dumps(asdict(holder)).encode() if holder else b""
    with suppress(OSError):  # past the file's buffer, which would try again when it is closed
        os.ftruncate(file.fileno(), 0)
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        os.write(file.fileno(), said)


def _read_holder(file: IO[str]) -> Holder | None:
    """None in the instant between taking the lock and signing for it."""
    file.seek(0)
    try:
        said = json.loads(file.read())
        return Holder(int(said["pid"]), str(said["command"]), str(said["host"]))
    except (ValueError, KeyError, TypeError, OSError):
        return None


@contextmanager
def sign_of_life(root: str, name: str, *, keep: bool = False) -> Iterator[None]:
    """Hold <root>/.sqlpipes/<name> locked until it ends. The file stays if the process dies before.

    `keep`: it always stays, which a name needs that several processes may want at once.
    LockedError LCK004, with who holds it, when another process does.
    """
    with _open_lock(root, name) as file:
        if not _try_lock(file):
            holder = _read_holder(file) or "another process"
            hint = "one is enough: stop that one, or leave this one out"
            message = f"{holder} is at work in {os.path.abspath(root)}"
            raise LockedError(Problem("LCK004", message, hint=hint))
        try:
            _sign(file, Holder(os.getpid(), shlex.join(without_vars(sys.argv)), platform.node()))
            yield
        finally:
            if keep:
                _sign(file, None)
            else:
                clear_sign(root, name)
            _unlock(file)


def gives_sign(root: str, name: str) -> bool | None:
    """Whether a process holds that lock; None when there is no such file here."""
    if not os.path.exists(_path(root, name)):
        return None
    try:
        with open(_path(root, name), "r+", encoding="utf-8") as file:
            if not _try_lock(file):
                return True
            _unlock(file)
            return False
    except OSError:
        return None


def clear_sign(root: str, name: str) -> None:
    """Take away the file of a process that died."""
    with suppress(OSError):
        os.unlink(_path(root, name))


def _path(root: str, name: str) -> str:
    return os.path.join(root, ".sqlpipes", name)


if sys.platform == "win32":
    import msvcrt

    FAR_OFF = 1 << 30  # a locked byte cannot be read, so it must not be one of the signature

    def _try_lock(file: IO[str]) -> bool:
        file.seek(FAR_OFF)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(file: IO[str]) -> None:
        file.seek(FAR_OFF)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
