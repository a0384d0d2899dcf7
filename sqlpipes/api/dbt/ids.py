"""Assets, checks and unit tests -> the unique_ids that dbt would give them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sqlpipes.core.asset import Asset, Check, Kind, Materialized
from sqlpipes.core.sql.quoting import identifier
from sqlpipes.core.unit_test import UnitTest

FILES = "files"  # the source of what has no schema
BACKTICKS = frozenset({"spark", "spark2", "databricks", "hive", "bigquery", "mysql"})
TWO_PARTS = frozenset({"mysql", "sqlite"})  # nothing stands before the schema

if TYPE_CHECKING:
    from sqlpipes.api.project import Project


def asset_id(project: str, asset: Asset) -> str:
    """`model.shop.orders`, `seed.shop.raw`, `snapshot.shop.history` or `source.shop.web.sessions`."""
    if asset.kind is Kind.SOURCE:
        return ".".join(("source", project, *source_names(asset)))
    return f"{resource_type(asset)}.{project}.{asset.name}"


def resource_type(asset: Asset) -> str:
    if asset.kind is Kind.SEED:
        return "seed"
    return "snapshot" if asset.materialized is Materialized.SNAPSHOT else "model"


def source_names(asset: Asset) -> tuple[str, str]:
    """The source and its table; one that nobody declared is called by its schema.

    What no schema has, such as files, is of the source `files`.
    """
    declared = asset.fqn[1:]
    if len(declared) > 1:
        return declared[0], ".".join(declared[1:])
    if asset.relation is not None:
        return asset.relation.schema, asset.relation.name
    return FILES, asset.name


def check_name(check: Check) -> str:
    """dbt's name: `not_null_orders_id` for `orders.not_null.id`; a name that a user gave stays.

    >>> check_name(Check("orders.not_null.id", "orders", "not_null"))
    'not_null_orders_id'
    >>> check_name(Check("no_gaps", "orders", "sql"))
    'no_gaps'
    """
    head = f"{check.asset}.{check.type}"
    if check.name != head and not check.name.startswith(f"{head}."):
        return check.name
    rest = check.name.removeprefix(head).strip(".")
    words = "_".join(part for part in (check.type, check.asset, rest) if part)
    return re.sub(r"\W", "_", words)


def check_id(project: str, check: Check) -> str:
    """A generic test has a hash behind it, as names of two checks may be spelt alike; a file's has none."""
    name = f"test.{project}.{check_name(check)}"
    if check.type in ("sql", "python"):
        return name
    return f"{name}.{hashlib.md5(check.name.encode(), usedforsecurity=False).hexdigest()[-10:]}"


def unit_test_id(project: str, test: UnitTest) -> str:
    return f"unit_test.{project}.{test.model}.{test.name}"


def relation_name(project: Project, asset: Asset) -> str | None:
    """As a query of its engine names it, quoted, with the database where it is known."""
    from sqlpipes.read.profiles import usual_dialect

    relation, target = asset.relation, project.target.on(asset.engine)
    if relation is None:
        return None
    dialect = usual_dialect(target)
    mark = "`" if dialect in BACKTICKS else '"'
    database = relation.catalog or (None if dialect in TWO_PARTS else target.catalog)
    parts = (database, relation.schema, relation.name)
    return ".".join(identifier(part, mark) for part in parts if part)


def below(path: str, folders: Iterable[str]) -> str:
    """The path as dbt says it: without the folder that is searched."""
    head = next((each for each in folders if path.startswith(f"{each}/")), None)
    return path if head is None else path[len(head) + 1 :]
