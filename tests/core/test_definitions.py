"""Decorators leave functions callable and say what they were told, or refuse at once."""

import copy
import datetime
import inspect
import pickle
import re
from pathlib import Path

import pytest

from sqlpipes.core.asset import Materialized
from sqlpipes.core.definitions import (
    AssetFunction,
    CheckResult,
    Execution,
    File,
    Out,
    Retry,
    Window,
    asset,
    assets,
    check,
    op,
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
        ({"materialized": "view"}, "table, incremental, snapshot, file, none"),
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


def test_options_of_calls_arrive():
    @asset(retries=3, timeout_s=5, kind="ml", metadata={"a": 1}, meta={"b": 2}, version="7")
    def scored(): ...

    said = scored.definition
    assert (said.retry, said.timeout_s, said.kinds) == (Retry(3), 5.0, ("ml",))
    assert (dict(said.meta), said.version) == ({"a": 1, "b": 2}, "7")


def test_an_out_adds_to_what_is_said_of_all():
    @assets(
        outs={"a": Out(owner="x@y.z", tags="own", schema="marts", meta={"k": 2}), "b": Out()},
        owner="a@b.c",
        tags=["all"],
        meta={"k": 1},
        deps=["raw"],
        retries=Retry(2),
    )
    def both(): ...

    a, b = both.definition
    assert (a.name, a.owners, a.tags, a.schema, dict(a.meta)) == (
        *("a", ("x@y.z",), ("all", "own"), "marts"),
        {"k": 2},
    )
    assert (b.owners, b.tags, b.deps, b.retry.times) == (("a@b.c",), ("all",), ("raw",), 2)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: asset(retries="3"), "retries must be a number or Retry"),
        (lambda: asset(retries=True), "retries must be a number or Retry"),
        (lambda: asset(timeout_s=-1), "timeout_s is a number of seconds"),
        (lambda: asset(version=3), "version must be a text"),
        (lambda: Retry(1, factor=0.5), "factor from 1 on"),
        (lambda: assets(outs="one", deps=3), "deps must be a list"),
        (lambda: assets(outs={"a": {}}), "outs are names"),
        (lambda: check(asset="a", scope="all"), "scope is 'slices' or 'table'"),
        (lambda: op(lambda: (yield)), "a generator cannot be an op"),
        (lambda: CheckResult(), "needs passed"),
        (lambda: CheckResult(passed=True, severity="loud"), "severity 'loud' is unknown"),
    ],
)
def test_what_makes_no_sense_is_refused(make, error):
    with pytest.raises((TypeError, ValueError), match=re.escape(error)):
        make()


@asset
def pickled_asset():
    return [1]


@op(retries=1)
def pickled_op(n):
    return n + 1


def test_decorated_functions_can_be_pickled_and_copied():
    for function in (pickled_asset, pickled_op):
        assert pickle.loads(pickle.dumps(function)) is function
        assert copy.deepcopy(function) is function


def test_a_pause_grows_up_to_a_limit_and_strays_no_further_than_said():
    retry = Retry(9, pause_s=1, factor=10, most_s=50, jitter=0.5)
    assert [retry.pause_of(n, chance) for n, chance in ((1, 0), (1, 1), (2, 0.5), (9, 1))] == [
        *(0.5, 1.5, 10, 75)
    ]
