"""Columns of 1,000 models and where each comes from: ours cold and warm, and sqlglot's `lineage` beside it.

One process. `sqlglot.lineage` answers for one column of one query at a time; it is asked for every
column of a sample of the models, spread over all layers, and told the columns of their inputs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from generate import write_data, write_sqlpipes
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage as one_column
from warehouse import make_warehouse

from sqlpipes.api.columns import known_columns
from sqlpipes.api.project import Project, load
from sqlpipes.core.asset import Scope, SqlBody
from sqlpipes.core.lineage import ColumnFacts, Lineage, trace


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of this process, and what came out."""
    before = time.process_time()
    made = work()
    return time.process_time() - before, made


def kept(cache: dict[str, str]) -> dict[str, ColumnFacts]:
    return {key: ColumnFacts.from_json(text) for key, text in cache.items()}


def asked(project: Project, traced: Lineage, every: int) -> tuple[int, int, int]:
    """(models, columns, columns that sqlglot gave up on) of the sample."""
    models = columns = lost = 0
    assets = [a for a in project.graph.assets.values() if isinstance(a.body, SqlBody)]
    for asset in assets[::every]:
        models += 1
        assert isinstance(asset.body, SqlBody)
        schema: dict[str, Any] = {}
        for reference in asset.body.references:
            name = project.graph.resolve(reference)
            types = {c.name: c.type or "text" for c in traced.columns(name or "")}
            if not types:
                continue
            parts = reference.parts
            below = schema
            for part in parts[:-1]:
                below = below.setdefault(part, {})
            below[parts[-1]] = types
        text = asset.body.render(Scope()).text
        for column in traced.columns(asset.name):
            columns += 1
            try:
                one_column(column.name, text, schema=schema, dialect="duckdb")
            except (SqlglotError, ValueError, KeyError):
                lost += 1
    return models, columns, lost


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=int, default=1000)
    parser.add_argument(
        "--every", type=int, default=10, help="sqlglot is asked for each n-th model"
    )
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        warehouse = make_warehouse(options.models)
        write_sqlpipes(Path(folder), warehouse)
        write_data(Path(folder), warehouse, rows=5, seed=7)
        project = load(folder)
        known = known_columns(project, connect=False)
        dialect = project.config.dialect
        # once for nothing: what is imported and compiled on first use is no one's cost here
        trace(project.graph, known, dialect, {})
        cold, (traced, used) = seconds(lambda: trace(project.graph, known, dialect, {}))
        texts = {key: facts.to_json() for key, facts in used.items()}
        warm, _ = seconds(lambda: trace(project.graph, known, dialect, kept(texts)))
        theirs, (models, columns, lost) = seconds(lambda: asked(project, traced, options.every))
    assets = [a.name for a in project.graph.assets.values() if isinstance(a.body, SqlBody)]
    edges = sum(len(traced.facts[name].edges) for name in assets)
    whole = sum(len(traced.columns(name)) for name in assets)
    complete = sum(traced.facts[name].complete for name in assets)
    size = sum(map(len, texts.values())) / 1e6
    print(
        f"{len(assets)} models, {whole} columns, {edges} edges; {complete} complete; {size:.1f} MB kept"
    )
    print(f"sqlpipes cold  {cold:8.2f} s CPU  {cold / whole * 1000:8.3f} ms a column")
    print(f"sqlpipes warm  {warm:8.2f} s CPU  {warm / whole * 1000:8.3f} ms a column")
    rate = theirs / columns * 1000
    sample = f"{columns} columns in {models} models ({lost} not answered)"
    print(f"sqlglot        {theirs:8.2f} s CPU  {rate:8.3f} ms a column, of {sample}")
    print(f"               {rate * whole / 1000:8.0f} s for all")


if __name__ == "__main__":
    main()
