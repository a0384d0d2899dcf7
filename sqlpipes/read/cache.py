"""What was learned about each file the last time, kept in one file; stat in, facts out.

The file is a line with the analyser's stamp and a checksum of the rest; a line of JSON that says which
entries there are; and a line of JSON for the facts of each, which is read when somebody asks for them, and
written again as it is while they are the same.

An entry is good while its file has the same time and size, or the same content. A file whose time lies
within two seconds of the cache's own is looked at again: it may have changed in the same tick of the
clock. A cache that cannot be read is an empty one; one that cannot be written is not kept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import field
from importlib.util import find_spec
from typing import Any
from zlib import crc32

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, Severity
from sqlpipes.read.files import File, content_hash, decode, file_hash, read_bytes
from sqlpipes.version import __version__

FORMAT = 3
RACY_NS = 2_000_000_000
FOLDER = ".sqlpipes/cache"
NAME = "facts.json"

Facts = dict[str, Any]  # plain JSON


@dataclass(slots=True)
class Entry:
    """What is known of one file, by its time, size and content. `text`: the facts as they were kept."""

    mtime_ns: int
    size: int
    digest: str
    text: str = ""
    told: Facts | None = None

    @property
    def facts(self) -> Facts:
        if self.told is None:
            self.told = json.loads(self.text)
        return self.told

    def replace(self, facts: Facts) -> None:
        self.told, self.text = facts, ""

    def as_text(self) -> str:
        return self.text or json.dumps(self.told, separators=(",", ":"))


@dataclass(slots=True)
class Cache:
    """Entries by path and kind. `parsed` counts the files that had to be looked into this time."""

    path: str | None  # None: nothing is kept
    stamp: str
    entries: dict[str, Entry] = field(default_factory=dict)
    written_ns: int = 0
    used: dict[str, Entry] = field(default_factory=dict)
    changed: bool = False
    parsed: int = 0
    dialect: str = ""  # of the facts about SQL
    ahead: Sequence[dict[str, Entry]] = ()  # entries that others have made meanwhile

    def has(self, file: File, kind: str) -> bool:
        """Whether anything is known of it, be it old."""
        return f"{kind}:{file.path}" in self.entries

    def facts(self, file: File, kind: str, parse: Callable[[str, str], Facts]) -> Facts:
        """What `parse(text, path)` says about a text file, from the cache when it is still true.

        A file that cannot be read gives {"problems": [...]} and is not kept, nor are facts that
        hold a true value under "secret".
        """
        old = self._known(file, kind)
        if old is not None:
            return self._keep(file, kind, old)
        for found in self.ahead:
            if (made := found.pop(f"{kind}:{file.path}", None)) is not None:
                self.changed, self.parsed = True, self.parsed + 1
                return self._keep(file, kind, made)
        content = read_bytes(file)
        text = decode(content, file.path) if isinstance(content, bytes) else content
        if isinstance(text, Problem) or not isinstance(content, bytes):
            return {"problems": problems_as_json([text] if isinstance(text, Problem) else [])}
        return self._renew(file, kind, content_hash(content), lambda: parse(text, file.path))

    def hashed(self, file: File, kind: str, parse: Callable[[File], Facts]) -> Facts:
        """As `facts` for a data file of any size; the facts carry its content hash under "hash"."""
        old = self._known(file, kind)
        if old is not None:
            return self._keep(file, kind, old)
        digest = file_hash(file)
        if isinstance(digest, Problem):
            return {"problems": problems_as_json([digest])}
        return self._renew(file, kind, digest, lambda: {"hash": digest, **parse(file)})

    def told(
        self,
        key: File,
        kind: str,
        digest: str,
        parse: Callable[[], Facts],
        holds: Callable[[Facts], bool] = lambda _: True,
    ) -> Facts:
        """Facts about what is no file of its own; `key` is its name here, `digest` its content.

        `holds`: whether old facts are still true. Facts with a true value under "secret" are not kept.
        """
        old = self.entries.get(f"{kind}:{key.path}")
        if old is None or old.digest != digest or not holds(old.facts):
            old = Entry(0, 0, digest, told=parse())
            self.parsed += 1
            self.changed = True
            if old.facts.get("secret"):
                self.used.pop(f"{kind}:{key.path}", None)
                return dict(old.facts)
        return self._keep(key, kind, old)

    def same(self, file: File, kind: str) -> str | None:
        """The digest of a file that time and size alone prove to be the same; nobody asks for its facts."""
        entry = self._known(file, kind)
        if entry is None:
            return None
        self.used[f"{kind}:{file.path}"] = entry
        return entry.digest

    def digest(self, path: str, kind: str) -> str | None:
        """Of a file that was asked for; None: it was not, or nothing of it is kept."""
        entry = self.used.get(f"{kind}:{path}")
        return entry.digest if entry else None

    def use_dialect(self, dialect: str) -> None:
        """Facts about SQL that were learned in another dialect are forgotten."""
        if dialect != self.dialect:
            kept = {k: v for k, v in self.entries.items() if not k.startswith("sql:")}
            self.entries, self.dialect, self.changed = kept, dialect, True

    def newest(self, file: File, kind: str) -> Facts:
        """The facts that stand in their place by now."""
        return self.used[f"{kind}:{file.path}"].facts

    def replace(self, file: File, kind: str, facts: Facts) -> None:
        """Put other facts in the place of those just used."""
        self.used[f"{kind}:{file.path}"].replace(facts)
        self.changed = True

    def _known(self, file: File, kind: str) -> Entry | None:
        """The entry, if time and size alone prove it."""
        entry = self.entries.get(f"{kind}:{file.path}")
        if entry is None or entry.mtime_ns != file.mtime_ns or entry.size != file.size:
            return None
        return entry if file.mtime_ns < self.written_ns - RACY_NS else None

    def _keep(self, file: File, kind: str, entry: Entry) -> Facts:
        self.used[f"{kind}:{file.path}"] = entry
        return entry.facts

    def _renew(self, file: File, kind: str, digest: str, parse: Callable[[], Facts]) -> Facts:
        old = self.entries.get(f"{kind}:{file.path}")
        self.changed = True  # written again, the cache is younger than the file and trusts its time
        if old is not None and old.digest == digest:
            entry = Entry(file.mtime_ns, file.size, digest, old.text, old.facts)
        else:
            entry = Entry(file.mtime_ns, file.size, digest, told=parse())
            self.parsed += 1
        if not entry.facts.get("secret"):
            self.used[f"{kind}:{file.path}"] = entry
        return entry.facts


def open_cache(root: str, *, enabled: bool = True) -> Cache:
    """The cache of a project, empty when there is none, it is damaged, or another version wrote it."""
    stamp = f"{FORMAT} {_analyser_stamp()}"
    if not enabled:
        return Cache(None, stamp)
    path = os.path.join(root, FOLDER, NAME)
    try:
        payload, written_ns = read_stamped(path, stamp)
        if payload:
            index, *texts = payload.decode("ascii").split("\n")
            dialect, known = json.loads(index)
            entries = {
                key: Entry(mtime_ns, size, digest, text)
                for (key, mtime_ns, size, digest), text in zip(known, texts, strict=True)
            }
            return Cache(path, stamp, entries, written_ns, dialect=dialect)
    except (OSError, ValueError):
        pass
    return Cache(path, stamp, changed=True)


def save_cache(cache: Cache, secrets: Sequence[str] = ()) -> None:
    """Write what was used this time, all or nothing; a folder that cannot be written is no fault.

    Facts with one of `secrets` in them are left out.
    """
    if cache.path is None or not (cache.changed or len(cache.used) != len(cache.entries)):
        return
    forms = {json.dumps(secret)[1:-1] for secret in secrets}
    payload = _payload(cache.dialect, cache.used)
    if any(form in payload for form in forms):
        open_ones = {
            key: entry
            for key, entry in cache.used.items()
            if not any(form in entry.as_text() for form in forms)
        }
        payload = _payload(cache.dialect, open_ones)
    write_stamped(cache.path, cache.stamp, payload.encode())


def _payload(dialect: str | None, entries: Mapping[str, Entry]) -> str:
    index = [[key, each.mtime_ns, each.size, each.digest] for key, each in entries.items()]
    lines = [json.dumps([dialect, index], separators=(",", ":"))]
    return "\n".join([*lines, *(each.as_text() for each in entries.values())])


def read_stamped(path: str, stamp: str) -> tuple[bytes, int]:
    """(what stands under this stamp, when it was written); nothing where the stamp is another, or what
    stands there is not what was written. OSError when it cannot be read."""
    with open(path, "rb") as stream:
        written_ns = os.fstat(stream.fileno()).st_mtime_ns
        header, payload = stream.readline(), stream.read()
    sound = header == f"{stamp} {crc32(payload):08x}\n".encode()
    return payload if sound else b"", written_ns


def write_stamped(path: str, stamp: str, payload: bytes) -> None:
    """A file of the cache, all or nothing, under its stamp; where it cannot be written there is none."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        own = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # of its user alone
        with os.fdopen(own, "wb") as stream:
            stream.write(f"{stamp} {crc32(payload):08x}\n".encode())
            stream.write(payload)
        os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)


def _analyser_stamp() -> str:
    """Moves with the installed parser, the code that reads and the classes of what is read: nobody has
    to count versions."""
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    seen: list[str] = [_parser_version(), __version__]
    for folder in ("read", "core", "core/sql", "core/partitions"):
        try:
            with os.scandir(os.path.join(home, folder)) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    if entry.name.endswith(".py"):
                        stat = entry.stat()
                        seen.append(f"{entry.name} {stat.st_size} {stat.st_mtime_ns}")
        except OSError:
            continue
    return content_hash("\n".join(seen).encode())


def _parser_version() -> str:
    """sqlglot's version, without the tenth of a second that importing it costs."""
    spec = find_spec("sqlglot")
    if spec is None or spec.origin is None:
        return ""
    try:
        with open(os.path.join(os.path.dirname(spec.origin), "_version.py")) as stream:
            return stream.read()
    except OSError:
        return spec.origin


def problems_as_json(problems: list[Problem] | tuple[Problem, ...]) -> list[Any]:
    return [
        [p.code, p.message, _place(p.at), p.hint, p.severity.value, [_place(at) for at in p.others]]
        for p in problems
    ]


def problems_from_json(plain: list[Any]) -> list[Problem]:
    """The inverse of `problems_as_json`."""
    return [
        Problem(
            code,
            message,
            Location(*at) if at else None,
            hint,
            Severity(severity),
            tuple(Location(*other) for other in others),
        )
        for code, message, at, hint, severity, others in plain
    ]


def _place(at: Location | None) -> list[Any] | None:
    return [at.file, at.line, at.column, at.length] if at else None
