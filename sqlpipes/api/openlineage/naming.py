"""Target + asset -> what OpenLineage calls it: the namespace of a dataset, and its name in there.

By its naming rules where they know the warehouse; docs/openlineage.md says what was chosen where they are
silent. No password, user or parameter of a URL gets into a name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from types import MappingProxyType
from urllib.parse import quote, unquote, urlsplit

from sqlpipes.core.asset import Asset, Materialized, SeedBody, SourceBody, SqlBody
from sqlpipes.core.config import Plain, Target
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.sql import Relation

FILE = "file"
MEMORY = ":memory:"
LOCAL = "localhost"
PORTS: Mapping[str, int] = MappingProxyType(
    {
        "postgres": 5432,
        "mysql": 3306,
        "mssql": 1433,
        "oracle": 1521,
        "trino": 8080,
        "clickhouse": 8123,
        "redshift": 5439,
        "spark": 15002,
        "cockroachdb": 26257,
        "starrocks": 9030,
        "exasol": 8563,
    }
)
SAME: Mapping[str, str] = MappingProxyType(  # other names of what OpenLineage has one word for
    {"postgresql": "postgres", "mariadb": "mysql", "sqlserver": "mssql", "exa": "exasol"}
    | {"clickhousedb": "clickhouse", "awsathena": "athena", "s3a": "s3", "s3n": "s3"}
)
PLAIN = "/:@+=;,"  # what a path may have in a URI
REDSHIFT = r"([^.]+)\.[^.]+\.([^.]+)\.redshift(?:-serverless)?\.amazonaws\..+"
AZURE = ("abfss", "abfs", "wasbs")  # a container stands before the host
FILES = ("duckdb", "sqlite")
TWO_PARTS = ("mysql", "clickhouse", "starrocks")  # a schema is a database
UPPER = ("snowflake", "oracle")


@dataclass(frozen=True, slots=True, order=True)
class Dataset:
    """
    >>> str(Dataset("postgres://db:5432", "shop.main.orders"))
    'postgres://db:5432/shop.main.orders'
    """

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def datasets_of(
    asset: Asset, target: Target, root: str, places: Mapping[str, str]
) -> tuple[Dataset, ...]:
    """What the asset is there: a table, or files. Nothing for what leaves neither."""
    if isinstance(asset.body, SourceBody) and asset.body.files:
        return tuple(file_dataset(path, root) for path in asset.body.files)
    if asset.materialized is Materialized.FILE:
        return tuple(file_dataset(path, root) for path in asset.writes)
    if asset.relation is None:
        return ()
    return (table_dataset(asset.relation, target.on(asset.engine), root, places.get(asset.engine)),)


def files_read(asset: Asset, root: str) -> tuple[Dataset, ...]:
    """Files that no asset stands for: a seed's own, and those that only a query names."""
    if isinstance(asset.body, SeedBody):
        return (file_dataset(asset.body.path, root),)
    if isinstance(asset.body, SqlBody):
        known = asset.body.file_assets
        found = (each.pattern for each in asset.body.files if each.pattern not in known)
        return tuple(dict.fromkeys(file_dataset(each, root) for each in found))
    return ()


def table_dataset(
    relation: Relation, target: Target, root: str, said: str | None = None
) -> Dataset:
    """`said`: the namespace that the project says for this engine.

    >>> to = Target("prod", "postgres", options={"host": "db", "dbname": "dw", "password": "x"})
    >>> str(table_dataset(Relation("orders", "shop"), to, "/p"))
    'postgres://db:5432/dw.shop.orders'
    """
    kind, at = _kind(target), _Address.of(target, root)
    database = relation.catalog or at.database
    words = [relation.schema, relation.name]
    if database and kind not in TWO_PARTS:
        words = [database, *words]
    if kind in UPPER:
        words = [word.upper() if word.islower() else word for word in words]
    return Dataset(said or namespace_of(target, root), ".".join(words))


def namespace_of(target: Target, root: str) -> str:
    """Where the datasets of a target live.

    >>> namespace_of(Target("dev", "duckdb", options={"path": "shop.duckdb"}), "/p")
    'duckdb:///p/shop.duckdb'
    >>> namespace_of(Target("x", "sqlalchemy", options={"url": "mariadb+pymysql://me:pw@db/shop"}), "/p")
    'mysql://db:3306'
    >>> namespace_of(Target("x", "snowflake", options={"account": "org-acc"}), "/p")
    'snowflake://org-acc'
    """
    kind, at = _kind(target), _Address.of(target, root)
    if kind == "bigquery":
        return "bigquery"
    if kind in (*FILES, "ducklake") and at.path:
        return f"{kind}://{quote(at.path, safe=PLAIN)}"
    if kind == "snowflake":
        return f"snowflake://{at.host or LOCAL}"
    if kind == "athena":
        region = str(target.options.get("region_name") or target.options.get("region") or "")
        return f"awsathena://athena.{region}.amazonaws.com" if region else "awsathena://athena"
    port = at.port or PORTS.get(kind)
    host = f"[{at.host}]" if ":" in at.host else at.host
    if found := re.fullmatch(REDSHIFT, host):
        host = f"{found[1]}.{found[2]}"
    return f"{kind}://{host or LOCAL}" + (f":{port}" if port else "")


@dataclass(frozen=True, slots=True)
class _Address:
    """Where a warehouse is, as far as its options say."""

    host: str = ""
    port: int | None = None
    database: str = ""
    path: str = ""

    @staticmethod
    def of(target: Target, root: str) -> _Address:
        said, kind = target.options, _kind(target)
        url = _text(said, "url")
        if kind == "ducklake":
            return _lake(_text(said, "catalog"), root, target)
        if kind in FILES:
            found = _text(said, "path", "database") or _path_of(url)
            path = _absolute(found, root)
            return _Address(database=target.catalog or _stem(path, kind), path=path)
        if url:
            return _of_url(url, target)
        host = _text(said, "host", "server", "account", "hostname")
        port = _text(said, "port")
        names = ("dbname", "database", "catalog", "project", "dataset_project", "service")
        database = _text(said, *names) or target.catalog or ""
        return _Address(host, int(port) if port.isdecimal() else None, database)


def _of_url(url: str, target: Target) -> _Address:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return _Address(database=target.catalog or "")
    database = unquote(parts.path.strip("/").partition("/")[0])
    if _kind(target) == "bigquery":
        host, database = "", host or database  # bigquery://project/dataset
    return _Address(host, port, database or target.catalog or "")


def _lake(catalog: str, root: str, target: Target) -> _Address:
    """A lake is where its catalog is; what a connection string says besides is left out."""
    head, colon, rest = catalog.partition(":")
    own = target.catalog or ""
    if not colon or head in ("duckdb", "sqlite", "ducklake") or len(head) == 1:
        found = rest if colon and len(head) > 1 else catalog
        return _Address(database=own, path=_absolute(found, root))
    words = dict(word.split("=", 1) for word in rest.split() if "=" in word)
    host, port = words.get("host", LOCAL), words.get("port", "")
    if "://" in rest:
        parts = urlsplit(rest)
        host, port = parts.hostname or LOCAL, str(parts.port or "")
        words["dbname"] = parts.path.strip("/")
    at = f"{host}:{port}" if port else host
    return _Address(database=own, path=f"{at}/{words.get('dbname', '')}".rstrip("/"))


def _kind(target: Target) -> str:
    """The word of OpenLineage, or else the engine's own."""
    url = _text(target.options, "url")
    name = url.partition("://")[0].partition("+")[0] if "://" in url else target.engine
    return SAME.get(name, name)


def file_dataset(path: str, root: str) -> Dataset:
    """A pattern is the folder above its first star.

    >>> str(file_dataset("raw/*/a.csv", "/p")), str(file_dataset("s3://lake/raw/*.parquet", "/p"))
    ('file//p/raw', 's3://lake/raw')
    >>> file_dataset("https://me:pw@h/x.csv?token=y", "/p")
    Dataset(namespace='https://h', name='x.csv')
    """
    path = _without_pattern(path)
    scheme, found, _ = path.partition("://")
    if found and len(scheme) > 1 and scheme != FILE:
        parts = urlsplit(path)
        host = parts.netloc if scheme in AZURE else parts.netloc.rpartition("@")[2]
        namespace = f"{SAME.get(scheme, scheme)}://{host}"
        return Dataset(namespace, parts.path.strip("/") or "/")
    return Dataset(FILE, _absolute(path.removeprefix("file://"), root))


def _without_pattern(path: str) -> str:
    stars = "*[{" if "://" in path else "*?[{"
    first = min((path.index(star) for star in stars if star in path), default=None)
    return path if first is None else path[:first].rpartition("/")[0] or "."


def _absolute(path: str, root: str) -> str:
    if not path or path == MEMORY or "://" in path or path.startswith("md:"):
        return path
    found = os.path.normpath(os.path.join(root, os.path.expanduser(path)))
    return PurePath(found).as_posix()


def _path_of(url: str) -> str:
    """Of sqlite:///relative.db and sqlite:////absolute.db."""
    return urlsplit(url).path[1:] if "://" in url else ""


def _stem(path: str, kind: str) -> str:
    if kind == "sqlite" or not path:
        return ""
    return "memory" if path == MEMORY else PurePath(path.removeprefix("md:")).stem


def _text(said: Mapping[str, Plain], *names: str) -> str:
    found: Iterator[Plain] = (said[name] for name in names if said.get(name))
    return str(next(found, ""))
