"""The files that queries and functions read -> the assets that write them, or sources of their own."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace

from sqlpipes.core.asset import (
    Asset,
    Dependency,
    Kind,
    Materialized,
    PythonBody,
    SourceBody,
    SqlBody,
)
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location
from sqlpipes.read.ground import Ground, body_hash, settings_hash
from sqlpipes.read.patterns import file_inputs, file_pattern
from sqlpipes.read.reading import Model

WILD = re.compile(r"\*\*/?|[*?]|\[[^\]]*\]")


@dataclass(frozen=True, slots=True)
class Reader:
    """An asset with the files that its SQL reads: (absolute pattern, dependency on it).

    `paths` it only asks for by name: it may write them as well, so they are no sources.
    `written`: a file as its SQL writes it -> the absolute pattern.
    """

    asset: Asset
    files: tuple[tuple[str, Dependency], ...]
    paths: tuple[tuple[str, Dependency], ...] = ()
    written: Mapping[str, str] = field(default_factory=dict)


def reader_of(found: Model | Asset, root: str, names: Container[str] = ()) -> Reader:
    """`names`: of assets, folded. What a query calls like one of them is no file."""
    if isinstance(found, Model):
        if not found.files:
            return Reader(found.asset, ())
        files = [f for f in found.files if not (f.named and f.pattern.casefold() in names)]
        found = replace(found, files=tuple(files))
        written = {read.pattern: file_pattern(read.pattern, root)[0] for read in found.files}
        return Reader(found.asset, tuple(file_inputs(found, root)), written=written)
    assert isinstance(found.body, PythonBody)
    placed = [
        tuple((file_pattern(each.name, root)[0], _named(each, root)) for each in said)
        for said in (found.body.files, found.body.paths)
    ]
    return Reader(found, placed[0], placed[1])


def _named(said: Dependency, root: str) -> Dependency:
    return replace(said, name=file_pattern(said.name, root)[1])


def with_file_inputs(
    readers: Iterable[Reader], sources: Sequence[Asset], ground: Ground
) -> tuple[list[Asset], list[Asset]]:
    """(assets that depend on the files they read, sources for files that nobody declared or writes)."""
    readers = list(readers)
    declared = {
        pattern: source.name
        for source in sources
        if isinstance(source.body, SourceBody)
        for pattern in source.body.files
    }
    written = _written([reader.asset for reader in readers], ground.root)
    implicit: dict[str, Asset] = {}
    assets: list[Asset] = []
    for reader in readers:
        needed: list[Dependency] = []
        single: dict[str, str] = {}
        for pattern, read in reader.files:
            before = len(needed)
            makers = _makers(pattern, written, reader.asset)
            needed += (replace(read, name=name) for name in makers)
            if pattern in declared or not _all_made(pattern, makers, written):
                if pattern not in declared:
                    besides = tuple(path for path, name in written.items() if name in makers)
                    implicit[pattern] = _implicit(read, pattern, besides, reader.asset, ground)
                    declared[pattern] = read.name
                needed.append(replace(read, name=declared[pattern]))
            if len(needed) == before + 1:
                single[pattern] = needed[before].name
        for pattern, read in reader.paths:
            needed += (replace(read, name=n) for n in _makers(pattern, written, reader.asset))
        assets.append(_reading(_with_files(reader, single), needed))
    return assets, list(implicit.values())


def with_makers(sources: Iterable[Asset], assets: Iterable[Asset], root: str) -> list[Asset]:
    """Declared sources, with those assets that write any of their files."""
    written = _written(assets, root)
    return [_with_makers(source, written) for source in sources]


def _with_makers(source: Asset, written: Mapping[str, str]) -> Asset:
    body = source.body
    if not isinstance(body, SourceBody) or not body.files or not written:
        return source
    made = list(dict.fromkeys(n for each in body.files for n in _makers(each, written, source)))
    if not made:
        return source
    besides = tuple(path for path, name in written.items() if name in made)
    return replace(source, body=replace(body, besides=besides, made_by=tuple(made)))


def _with_files(reader: Reader, single: Mapping[str, str]) -> Asset:
    """The reader, whose SQL knows which asset each of its files is, where that is one alone."""
    body = reader.asset.body
    found = {said: single[at] for said, at in reader.written.items() if at in single}
    if not isinstance(body, SqlBody) or not found:
        return reader.asset
    return replace(reader.asset, body=replace(body, file_assets=found))


def _reading(asset: Asset, needed: Sequence[Dependency]) -> Asset:
    return replace(asset, depends_on=(*asset.depends_on, *needed)) if needed else asset


def _written(assets: Iterable[Asset], root: str) -> dict[str, str]:
    """Absolute path or pattern of every file that an asset writes -> the asset; folders end with /."""
    found: dict[str, str] = {}
    for asset in assets:
        for path in asset.writes:
            folder = "/" if path.endswith("/") else ""
            found.setdefault(file_pattern(path, root)[0] + folder, asset.name)
    return found


def _makers(pattern: str, written: Mapping[str, str], reader: Asset) -> list[str]:
    found = (name for path, name in written.items() if name != reader.name and meets(pattern, path))
    return list(dict.fromkeys(found))


def _all_made(pattern: str, makers: Sequence[str], written: Mapping[str, str]) -> bool:
    """Whether no file that the pattern may find is another's than these assets'."""
    if not makers:
        return False
    return not is_pattern(pattern) or any(covers(path, pattern) for path in written)


def is_pattern(path: str) -> bool:
    return WILD.search(path) is not None


def covers(written: str, pattern: str) -> bool:
    """Whether all that a pattern can find is what one asset writes.

    >>> covers("/p/out/site/", "/p/out/site/*.html"), covers("/p/out/a.csv", "/p/out/*.csv")
    (True, False)
    """
    return written == pattern or (written.endswith("/") and _fixed(pattern).startswith(written))


def meets(pattern: str, written: str) -> bool:
    """Whether a pattern may find what is written at a path, a pattern, or (with a / last) in a folder.

    >>> meets("/p/out/*.csv", "/p/out/a.csv"), meets("/p/out/*.csv", "/p/raw/a.csv")
    (True, False)
    >>> meets("/p/out/a.csv", "/p/out/*.csv"), meets("/p/out/site/x.html", "/p/out/site/")
    (True, True)
    """
    if written.endswith("/"):
        reaches = "**" in pattern and written.startswith(_fixed(pattern))
        return reaches or _fixed(pattern).startswith(written) or pattern == written.rstrip("/")
    if not is_pattern(written):
        return _as_regex(pattern).fullmatch(written) is not None
    if not is_pattern(pattern):
        return _as_regex(written).fullmatch(pattern) is not None
    one, other = _fixed(pattern), _fixed(written)
    return one.startswith(other) or other.startswith(one)


def _fixed(pattern: str) -> str:
    """What stands before the first wildcard."""
    found = WILD.search(pattern)
    return pattern[: found.start()] if found else pattern


def _as_regex(pattern: str) -> re.Pattern[str]:
    return re.compile("".join(_pieces(pattern)), re.DOTALL)


def _pieces(pattern: str) -> Iterator[str]:
    at = 0
    for wild in WILD.finditer(pattern):
        yield re.escape(pattern[at : wild.start()])
        at = wild.end()
        if wild[0].startswith("**"):
            yield ".*"
        else:
            yield {"*": "[^/]*", "?": "[^/]"}.get(wild[0], wild[0].replace("[!", "[^"))
    yield re.escape(pattern[at:])


def _implicit(
    read: Dependency, pattern: str, besides: tuple[str, ...], reader: Asset, ground: Ground
) -> Asset:
    return Asset(
        name=read.name,
        kind=Kind.SOURCE,
        materialized=Materialized.EXTERNAL,
        relation=None,
        body=SourceBody((pattern,), implicit=True, besides=besides),
        version=f"{body_hash(read.name)}.{settings_hash({})}",
        at=read.at or Location(reader.path),
        path=reader.path,
        fqn=(ground.config.name, read.name),
    )
