"""A table_copy + what is asked for -> its rows in batches, typed: Arrow where it is installed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Protocol
from urllib.parse import urlsplit

from sqlpipes.components.downloads import shown
from sqlpipes.components.files import quoted
from sqlpipes.components.kinds import Kind, kind_named, kind_of_column, kind_of_values
from sqlpipes.core.definitions import Execution, FieldError, Window
from sqlpipes.core.errors import Location, did_you_mean

STORED = {"timestamp": "%Y-%m-%d %H:%M:%f", "timestamptz": "%Y-%m-%d %H:%M:%f", "date": "%Y-%m-%d"}


class Copy(Protocol):
    """What is to be copied: the fields of a table_copy."""

    @property
    def url(self) -> str: ...

    @property
    def table(self) -> str | None: ...

    @property
    def query(self) -> str | None: ...

    @property
    def columns(self) -> Sequence[str]: ...

    @property
    def where(self) -> str | None: ...

    @property
    def cursor(self) -> str | None: ...

    @property
    def key(self) -> Sequence[str]: ...

    @property
    def partition(self) -> Mapping[str, Any] | None: ...

    @property
    def types(self) -> Mapping[str, str]: ...

    @property
    def batch_rows(self) -> int: ...


def copied(
    copy: Copy, context: Execution, beyond: Any, place: Callable[[str], Location]
) -> Iterator[Any]:
    """Batches of rows; the first has none, and brings the columns with their types.

    `beyond`: the highest value of the cursor that is here; None asks for all. `place`: of an
    attribute. Raises FieldError; what the other database said is in it without the secrets of its URL.
    """
    try:
        yield from _copied(copy, context, beyond)
    except FieldError as fault:
        raise FieldError(fault.field, fault.message, fault.hint, place(fault.field)) from None


def _copied(copy: Copy, context: Execution, beyond: Any) -> Iterator[Any]:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    url, field = _anchored(copy.url, context.root), "url"
    _refuse_no_file(copy.url, url)
    try:
        engine = create_engine(url)
        try:
            with engine.connect() as connection:
                field = "query" if copy.query else "where" if copy.where else "table"
                yield from _batches(copy, context, connection, beyond)
        finally:
            engine.dispose()
    except (SQLAlchemyError, ArgumentError, ImportError) as error:
        raise FieldError(field, _without_secrets(_driver_said(error), copy.url)) from None


def _refuse_no_file(said: str, url: str) -> None:
    """A driver would make an empty database of a name that is wrong."""
    head, _, path = url.partition(":///")
    is_file = head.startswith("sqlite") and path and not path.startswith((":", "file:"))
    if is_file and not os.path.exists(file := path.partition("?")[0]):
        shown_path = said.partition(":///")[2].partition("?")[0]
        hint = "a path counts from the project's folder; an absolute one has a fourth slash"
        raise FieldError("url", f"there is no file {shown_path or file}", hint)


def _driver_said(error: Exception) -> str:
    """What the driver said, without the name of its class, which is no word of the user's."""
    return str(getattr(error, "orig", None) or error)


def _anchored(url: str, root: str) -> str:
    """A SQLite file counts from the project's folder."""
    head, sign, path = url.partition(":///")
    relative = head.startswith("sqlite") and sign and path and not path.startswith(("/", ":"))
    return f"{head}:///{root}/{path}" if relative else url


def _without_secrets(said: str, url: str) -> str:
    said = said.partition("\n")[0].replace(url, "the database")  # an empty one never comes here
    password = urlsplit(url).password
    return said.replace(password, "***") if password else said


def _batches(copy: Copy, context: Execution, connection: Any, beyond: Any) -> Iterator[Any]:
    import sqlalchemy as sa

    if copy.query is not None:
        columns: dict[str, Any] = {}
        statement = sa.select(sa.text("*")).select_from(
            sa.text(f"({copy.query.strip().rstrip(';')}\n) asked")
        )
        kinds = {name: kind_named(type) for name, type in copy.types.items()}
    else:
        table = _table(copy, connection)
        columns = {column.name: column for column in _chosen(copy, table)}
        kinds = {
            name: kind_named(copy.types[name]) if name in copy.types else kind_of_column(c.type)
            for name, c in columns.items()
        }
        raw = {name for name in copy.types if kinds[name].sql == "varchar"}
        statement = sa.select(
            *(sa.type_coerce(c, sa.String).label(n) if n in raw else c for n, c in columns.items())
        )
        yield _empty(context, kinds)
    for condition in _conditions(copy, context.partition, columns, connection):
        statement = statement.where(condition)
    if copy.cursor:
        _refuse_nulls(copy, columns, statement, connection)
    if copy.cursor and beyond is not None:
        column, value = _comparable(copy.cursor, beyond, columns, connection)
        statement = statement.where(column >= value if copy.key else column > value)
    connection = connection.execution_options(stream_results=True, yield_per=copy.batch_rows)
    result = connection.execute(statement)
    names, known = list(result.keys()), columns and kinds
    for part in result.partitions():
        values = dict(zip(names, zip(*part, strict=True), strict=True))
        if not known:
            known = {n: kinds.get(n) or kind_of_values(values[n]) for n in names}
            yield _empty(context, known)
        yield _batch(values, known)
    if not known:
        yield _empty(context, {name: kinds.get(name, kind_of_values(())) for name in names})


def _table(copy: Copy, connection: Any) -> Any:
    import sqlalchemy as sa
    from sqlalchemy.exc import NoSuchTableError

    schema, _, name = (copy.table or "").rpartition(".")
    try:
        return sa.Table(name, sa.MetaData(), schema=schema or None, autoload_with=connection)
    except NoSuchTableError:
        found = sa.inspect(connection)
        there = [*found.get_table_names(schema or None), *found.get_view_names(schema or None)]
        hint = did_you_mean(name, there) or f"it has {', '.join(sorted(there)[:10]) or 'none'}"
        message = f"{shown(copy.url)} has no table '{copy.table}'"
        raise FieldError("table", message, hint) from None


def _chosen(copy: Copy, table: Any) -> list[Any]:
    """The columns to copy. FieldError for one that is not there."""
    cut = copy.partition.get("column") if copy.partition else None
    said = {
        **{f"columns/{index}": name for index, name in enumerate(copy.columns)},
        **{f"types/{name}": name for name in copy.types},
        **{f"key/{index}": name for index, name in enumerate(copy.key)},
        "cursor": copy.cursor,
        "partition/column": cut,
    }
    for field, name in said.items():
        if name is not None and name not in table.c:
            hint = did_you_mean(str(name), table.c.keys()) or f"it has {', '.join(table.c.keys())}"
            raise FieldError(field, f"'{copy.table}' has no column '{name}'", hint)
    return [table.c[name] for name in copy.columns] if copy.columns else list(table.c)


def _conditions(
    copy: Copy, window: Window | None, columns: Mapping[str, Any], connection: Any
) -> Iterator[Any]:
    import sqlalchemy as sa

    if copy.where:
        yield sa.text(f"({copy.where})")
    if window is not None and copy.partition is not None:
        name = str(copy.partition.get("column"))
        for bound, is_start in ((window.start, True), (window.end, False)):
            if bound is not None:
                column, value = _comparable(name, bound, columns, connection)
                yield column >= value if is_start else column < value
        if window.start is None and window.slices:
            yield _column(name, columns).in_(list(window.slices))


def _refuse_nulls(copy: Copy, columns: Mapping[str, Any], statement: Any, connection: Any) -> None:
    """A row that the cursor passes over would be copied once, or never, and nobody would know."""
    name = str(copy.cursor)
    column = _column(name, columns)
    if getattr(column, "nullable", True) is False:
        return
    if connection.execute(statement.where(column.is_(None)).limit(1)).first() is not None:
        what = f"'{copy.table}'" if copy.table else "the query"
        hint = f'leave such rows out with `where: "{name} is not null"`, or copy without `cursor`'
        message = f"a row of {what} has no '{name}': a change of it would never be seen"
        raise FieldError("cursor", message, hint)


def _column(name: str, columns: Mapping[str, Any]) -> Any:
    import sqlalchemy as sa

    return columns[name] if name in columns else sa.column(name)


def _comparable(
    name: str, value: Any, columns: Mapping[str, Any], connection: Any
) -> tuple[Any, Any]:
    """A column and a value in a form in which they compare. SQLite keeps times as texts of several forms."""
    import sqlalchemy as sa

    column = _column(name, columns)
    if name not in columns:
        return column, value
    kind = kind_of_column(column.type)
    value = kind.convert(value)
    if connection.dialect.name == "sqlite" and kind.sql in STORED:
        form = STORED[kind.sql]
        stored = sa.type_coerce(column, sa.String)
        return sa.func.strftime(form, stored), sa.func.strftime(form, value.isoformat())
    return column, value


def _empty(context: Execution, kinds: Mapping[str, Kind]) -> Any:
    columns = (f"cast(null as {kind.sql}) as {quoted(name)}" for name, kind in kinds.items())
    return context.sql(f"select {', '.join(columns)} where false")


def _batch(values: Mapping[str, Sequence[Any]], kinds: Mapping[str, Kind]) -> Any:
    converted = {name: _converted(name, values[name], kinds[name]) for name in kinds}
    if find_spec("pyarrow") is None:
        names = list(converted)
        return [dict(zip(names, row, strict=True)) for row in zip(*converted.values(), strict=True)]
    import pyarrow as pa

    arrays = {}
    for name, column in converted.items():
        try:
            arrays[name] = pa.array(column, kinds[name].arrow())
        except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
            raise _unfit(name, kinds[name], str(error)) from None
    return pa.record_batch(arrays)


def _converted(name: str, values: Sequence[Any], kind: Kind) -> list[Any]:
    try:
        return [None if value is None else kind.convert(value) for value in values]
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise _unfit(name, kind, str(error)) from None


def _unfit(name: str, kind: Kind, said: str) -> FieldError:
    message = f"a value of '{name}' is no {kind.sql} ({said})"
    return FieldError(f"types/{name}", message, f"say `types: {{{name}: varchar}}`")
