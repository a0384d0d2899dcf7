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

STEPS = 5
SCHEMA = "sqlpipes_benchmark"


def bare(url: str) -> float:
    """DROP and CREATE TABLE AS, as a script would say them."""
    from pyspark.sql import SparkSession

    session = SparkSession.builder.remote(url).create()
    session.sql(f"create schema if not exists {SCHEMA}")
    found = []
    for number in range(STEPS):
        began = time.perf_counter()
        session.sql(f"drop table if exists {SCHEMA}.bare_{number}")
        session.sql(f"create table {SCHEMA}.bare_{number} using parquet as select {number} as x")
        found.append(time.perf_counter() - began)
    session.sql(f"drop schema {SCHEMA} cascade")
    session.stop()
    return median(found)


def ours(url: str, root: Path) -> tuple[float, float]:
    """The first build, and one that replaces what stands: seconds of a step."""
    (root / "models").mkdir()
    (root / "sqlpipes.yml").write_text("name: shop\n")
    said = f"{{type: spark, url: '{url}', schema: {SCHEMA}, threads: 1}}"
    (root / "profiles.yml").write_text(f"shop: {{outputs: {{dev: {said}}}}}\n")
    for number in range(STEPS):
        text = f"/*\n---\nmaterialized: table\n---\n*/\nselect {number} as x\n"
        (root / "models" / f"t{number}.sql").write_text(text)
    found = []
    for _ in range(2):
        report = sqlpipes.build(sqlpipes.load(str(root)), sqlpipes.Ask(force=True))
        assert report.ok
        found.append(median(event.seconds for event in report.finished))
    return found[0], found[1]


def main() -> None:
    url = os.environ.get("SQLPIPES_TEST_SPARK_URL")
    if not url:
        sys.exit("SQLPIPES_TEST_SPARK_URL names no server")
    with tempfile.TemporaryDirectory() as folder:
        first, again = ours(url, Path(folder))
    plain = bare(url)
    print(f"bare client {plain:.2f} s, first build {first:.2f} s, replaced {again:.2f} s a step")


if __name__ == "__main__":
    main()
