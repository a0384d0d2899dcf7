"""A build whose second round takes up assets again says how many of those that are done."""

from __future__ import annotations

import signal
from pathlib import Path

from cli.projects import ok, write

HEAD = "/*\n---\nmaterialized: table\n{}\n---\n*/\n"
CUT = HEAD.format("partition: {column: region, values_from: select region from regions}")


def test_assets_that_are_built_in_two_rounds_are_told(tmp_path: Path) -> None:
    files = {
        "sqlpipes.yml": "name: shop\n",
        "models/regions.sql": HEAD.format("") + "select unnest(['eu', 'us']) as region",
        "models/sales.sql": CUT + "select region, 1 as n from regions",
        "models/total.sql": HEAD.format("") + "select count(*) as n from sales",
    }
    write(tmp_path, files)
    assert "3 done  in" in ok(tmp_path, "build")
    write(
        tmp_path, {"models/regions.sql": HEAD.format("") + "select unnest(['eu', 'as']) as region"}
    )
    before = signal.getsignal(signal.SIGTERM)
    assert "3 done (2 again, for new values of a partition)  in" in ok(tmp_path, "build")
    assert (
        signal.getsignal(signal.SIGTERM) is before
    )  # whoever called the command has his own again
