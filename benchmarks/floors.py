"""The same statements with no tool around them: what no pipeline tool on DuckDB can beat.

    python benchmarks/floors.py build FOLDER DATABASE [CURSORS]     a `plain` project, in graph order
    python benchmarks/floors.py load FOLDER DATABASE [STORAGE]      raw tables only: before any clock starts

One connection, a cursor for each thread, a statement starts when its inputs are there.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any


def load_raw(database: str, storage: str | None = None) -> None:
    """Fill a database with the raw tables of the project in the working folder. `storage`: the oldest
    version of DuckDB that must be able to read it, such as v1.0.0."""
    import duckdb

    config = {"storage_compatibility_version": storage} if storage else {}
    with duckdb.connect(database, config=config) as connection:
        for statement in Path("load_raw.sql").read_text(encoding="utf-8").split(";\n"):
            if statement.strip():
                connection.execute(statement)


def build(database: str, cursors: int) -> int:
    """Build every seed and model of the project in the working folder; how many."""
    import duckdb

    dag = json.loads(Path("dag.json").read_text(encoding="utf-8"))
    statements = seed_statements(dag) | model_statements(dag) | check_statements(dag)
    with duckdb.connect(database) as connection:
        connection.execute(f"set threads = {os.cpu_count()}")
        for schema in sorted({name.split(".")[0] for name in {*dag["seeds"], *dag["models"]}}):
            connection.execute(f"create schema if not exists {schema}")
        run_in_order(connection, statements, inputs_of(dag, statements), cursors)
    return len(statements)


def seed_statements(dag: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: f"create or replace table {name} as select * from "
        f"read_csv('seeds/{name.rpartition('.')[2]}.csv')"
        for name in dag["seeds"]
    }


def model_statements(dag: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, model in dag["models"].items():
        kind = "view" if model["kind"] == "view" else "table"
        query = Path(model["file"]).read_text(encoding="utf-8")
        found[name] = f"create or replace {kind} {name} as\n{query}"
    return found


def check_statements(dag: Mapping[str, Any]) -> dict[str, str]:
    """A count of bad rows for each check, under the table's name and its own."""
    bad = {
        "not_null": "select 1 from {table} where {column} is null",
        "unique": "select {column} from {table} group by {column} having count(*) > 1",
    }
    return {
        f"{table} {kind} {column}": "select count(*) from ("
        + bad[kind].format(table=table, column=column)
        + ")"
        for table, model in dag["models"].items()
        for kind, column in model["checks"]
    }


def inputs_of(dag: Mapping[str, Any], statements: Mapping[str, str]) -> dict[str, set[str]]:
    """Name -> what must be built before it: of a check, its table."""
    found: dict[str, set[str]] = {}
    for name in statements:
        table = name.split(" ")[0]
        model = dag["models"].get(name)
        found[name] = {table} if table != name else set(model["depends_on"] if model else ())
        found[name] &= statements.keys()
    return found


def run_in_order(
    connection: Any, statements: Mapping[str, str], inputs: dict[str, set[str]], cursors: int
) -> None:
    todo: SimpleQueue[str | None] = SimpleQueue()
    done: SimpleQueue[tuple[str, BaseException | None]] = SimpleQueue()

    def labour() -> None:
        cursor = connection.cursor()
        while (name := todo.get()) is not None:
            try:
                cursor.execute(statements[name]).fetchall()
                done.put((name, None))
            except BaseException as error:  # told to the one who waits
                done.put((name, error))

    threads = [threading.Thread(target=labour, daemon=True) for _ in range(cursors)]
    for thread in threads:
        thread.start()
    hand_out(inputs, todo, done)
    for _ in threads:
        todo.put(None)
    for thread in threads:
        thread.join()


def hand_out(
    inputs: dict[str, set[str]],
    todo: SimpleQueue[str | None],
    done: SimpleQueue[tuple[str, BaseException | None]],
) -> None:
    """Put in what is ready, until everything came back."""
    readers: dict[str, list[str]] = {name: [] for name in inputs}
    for name, needed in inputs.items():
        for each in needed:
            readers[each].append(name)
        if not needed:
            todo.put(name)
    for _ in inputs:
        name, error = done.get()
        if error is not None:
            raise error
        for reader in readers[name]:
            inputs[reader].discard(name)
            if not inputs[reader]:
                todo.put(reader)


def main() -> None:
    action, folder, database, *rest = sys.argv[1:]
    os.chdir(folder)
    if action == "load":
        load_raw(database, *rest)
    else:
        print(build(database, int(rest[0]) if rest else 2))


if __name__ == "__main__":
    main()
