"""Seconds per step on Spark beside the same work said by a bare client.

    SQLPIPES_TEST_SPARK_URL=sc://localhost:15002 python benchmarks/spark.py

Tables of one row are built one after the other, so what is measured is the tool and Spark's own fixed costs.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import sqlpipes

STEPS = 4
ROUNDS = 2
SCHEMA = "sqlpipes_benchmark"


def bare(url: str) -> list[float]:
    """DROP and CREATE TABLE AS, as a script would say them: seconds of each table."""
    from pyspark.sql import SparkSession

    session = SparkSession.builder.remote(url).create()
    session.sql(f"create schema if not exists {SCHEMA}")
    found = []
    for number in range(STEPS):
        began = time.perf_counter()
        session.sql(f"drop table if exists {SCHEMA}.bare_{number}")
        session.sql(f"create table {SCHEMA}.bare_{number} using parquet as select {number} as x")
        found.append(time.perf_counter() - began)
    session.stop()
    return found


def write(url: str, root: Path) -> None:
    (root / "models").mkdir()
    (root / "sqlpipes.yml").write_text("name: shop\n")
    said = f"{{type: spark, url: '{url}', schema: {SCHEMA}, threads: 1}}"
    (root / "profiles.yml").write_text(f"shop: {{outputs: {{dev: {said}}}}}\n")
    for number in range(STEPS):
        text = f"/*\n---\nmaterialized: table\n---\n*/\nselect {number} as x\n"
        (root / "models" / f"t{number}.sql").write_text(text)


def ours(root: Path) -> list[float]:
    report = sqlpipes.build(sqlpipes.load(str(root)), sqlpipes.Ask(force=True))
    assert report.ok
    return [event.seconds for event in report.finished]


def drop(url: str) -> None:
    from pyspark.sql import SparkSession

    session = SparkSession.builder.remote(url).create()
    session.sql(f"drop schema if exists {SCHEMA} cascade")
    session.stop()


def main() -> None:
    """Turn by turn, as what else a machine does moves all of it."""
    url = os.environ.get("SQLPIPES_TEST_SPARK_URL")
    if not url:
        sys.exit("SQLPIPES_TEST_SPARK_URL names no server")
    plain, first, again = [], [], []
    bare(url)  # the server warms up
    for _ in range(ROUNDS):
        drop(url)
        with tempfile.TemporaryDirectory() as folder:
            write(url, Path(folder))
            for found in (first, again):
                found += ours(Path(folder))
                plain += bare(url)
    drop(url)
    one, two, three = median(plain), median(first), median(again)
    print(
        f"bare client {one:.2f} s a table; a step: first build {two:.2f} s ({two / one:.1f}x), ",
        end="",
    )
    print(f"replaced {three:.2f} s ({three / one:.1f}x)")


if __name__ == "__main__":
    main()
