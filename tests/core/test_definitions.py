"""Decorators leave functions callable and say what they were told, or refuse at once."""

import datetime
import inspect
from pathlib import Path

import pytest

from sqlpipes.core.asset import Materialized
from sqlpipes.core.definitions import (
    AssetFunction,
    Execution,
    File,
    Window,
    asset,
    check,
)
from sqlpipes.core.errors import Severity
from sqlpipes.core.partitions import Grain, TimeAxis
from sqlpipes.core.partitions.declared import Daily, Hourly, Monthly, Quarterly, Weekly, Yearly
from sqlpipes.core.reads import Mapped, Reads


def test_a_bare_decorator_takes_the_functions_name_and_leaves_it_callable():
    @asset
    def totals(orders, scale=2):
        """What it is."""
        return [scale * order for order in orders]

    assert totals([1, 2]) == [2, 4]
    assert totals([1], scale=3) == [3]
    assert isinstance(totals, AssetFunction)
    assert totals.definition.name == "totals"
    assert totals.__name__ == "totals"
    assert totals.__doc__ == "What it is."
    assert list(inspect.signature(totals).parameters) == ["orders", "scale"]


def test_every_option_arrives():
    @asset
    def first(): ...

    @asset(
        name="shop_totals",
        description="All.",
        deps=["raw", first],
        owner="a@b.c",
        owners=["team", "a@b.c"],
        tags="finance",
        group="g",
        meta={"k": 1},
        schema="marts",
        materialized="none",
        partition=Monthly("month", start="2024-01"),
        checks=[{"not_null": "month"}],
        inputs={"raw": "same"},
    )
    def totals(): ...

    said = totals.definition
    assert (said.name, said.description, said.deps) == ("shop_totals", "All.", ("raw", "first"))
    assert (said.owners, said.tags, said.group) == (("a@b.c", "team"), ("finance",), "g")
    assert (said.meta, said.schema, said.materialized) == ({"k": 1}, "marts", Materialized.NONE)
    assert said.partition is not None
    assert said.partition.axis == TimeAxis(Grain.MONTH)
    assert said.checks == ({"not_null": "month"},)
    assert said.inputs == {"raw": Reads(Mapped.SAME, declared=True)}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"materialized": "tabel"}, "did you mean 'table'"),
        ({"materialized": "view"}, "table, file, none"),
        ({"inputs": {"raw": "sam"}}, "did you mean 'same'"),
        ({"partition": "day"}, "Daily"),
        ({"tags": 3}, "tags must be a list"),
        ({"tags": [3]}, "tags must be texts"),
        ({"deps": [3]}, "an asset is named by text"),
        ({"checks": {"not_null": "a"}}, "checks must be a list"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options, said):
    with pytest.raises((TypeError, ValueError), match=said):
        asset(name="one", **options)(lambda: 1)


def test_only_functions_can_be_assets():
    class Orders: ...

    with pytest.raises(TypeError, match="above a function"):
        asset(Orders)
    with pytest.raises(TypeError, match="needs name"):
        asset(lambda: 1)
    assert asset(name="one")(lambda: 1)() == 1


def test_a_check_names_its_asset_by_text_or_by_function():
    @asset(name="orders_of_today")
    def orders(): ...

    @check(asset=orders, severity="warn", tags=["x"])
    def fine(orders):
        return not orders

    assert fine([]) is True
    assert fine.definition.asset == "orders_of_today"
    assert fine.definition.severity is Severity.WARNING
    with pytest.raises(ValueError, match="did you mean 'error'"):
        check(asset="orders", severity="eror")


@pytest.mark.parametrize(
    ("make", "start", "grain", "ordinal"),
    [
        (Yearly, "2024", Grain.YEAR, 54),
        (Quarterly, "2024-Q2", Grain.QUARTER, 217),
        (Monthly, "2024-01", Grain.MONTH, 648),
        (Weekly, "2024-04-29", Grain.WEEK, 2834),
        (Daily, "1970-01-03", Grain.DAY, 2),
        (Hourly, "1970-01-01 05:00", Grain.HOUR, 5),
        (Daily, datetime.date(1970, 1, 3), Grain.DAY, 2),
        (Hourly, datetime.datetime(1970, 1, 1, 5, tzinfo=datetime.UTC), Grain.HOUR, 5),
    ],
)
def test_partitions_start_where_they_are_told(make, start, grain, ordinal):
    made = make("at", start=start)
    assert (made.column, made.axis, made.start) == ("at", TimeAxis(grain), ordinal)


def test_partition_options_arrive_and_are_looked_at():
    made = Daily(
        "d", start="2024-01-01", end="2024-02-01", lookback=3, batch=7, include_current=True
    )
    assert made.end is not None
    assert made.end - made.start == 31
    assert (made.lookback, made.batch, made.include_current) == (3, 7, True)
    with pytest.raises(ValueError, match="starts at '2024-04-29"):
        Weekly("d", start="2024-05-01")
    with pytest.raises(ValueError, match="is not a date"):
        Daily("d", start="tomorrow")
    with pytest.raises(ValueError, match="lookback must be"):
        Daily("d", start="2024-01-01", lookback=-1)
    with pytest.raises(ValueError, match="batch must be"):
        Daily("d", start="2024-01-01", batch=0)


def test_an_execution_can_be_made_by_hand_for_a_test():
    bare = Execution("daily")
    bare.log_metadata(rows=1, note="a")
    bare.log_metadata(rows=2)
    assert bare.metadata == {"rows": 2, "note": "a"}
    assert Execution("other").metadata == {}
    with pytest.raises(RuntimeError, match="select 1"):
        bare.sql("select 1")
    full = Execution("d", partition=Window("2024-01-01", "2024-01-02"), root="/p/", sql=len)
    assert full.sql("four") == 4
    assert (full.path("out/x.json"), full.path("/abs")) == ("/p/out/x.json", "/abs")


def test_a_file_takes_any_kind_of_path():
    assert File(Path("output") / "model.json").path == str(Path("output") / "model.json")
