"""Snapshots on a real DuckDB: every state of a key with its time, beside a slow model of the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from notyet import notyet
from run.building import (
    build,
    columns_of,
    graph_of,
    model,
    rows,
    run_sql,
    said,
    tables,
)

from sqlpipes.core.engine import Engine
from sqlpipes.core.events import Event, StepFailed, StepFinished
from sqlpipes.core.strategy import HardDeletes, SchemaChange, Snapshot, SnapshotColumns

DAY0 = datetime(2024, 1, 1)
TIMED = Snapshot("ts")
CHECKED = Snapshot(None)


@pytest.fixture
def engine(opened: Engine) -> Engine:
    run_sql(opened, "create table src (id integer, status varchar, ts timestamp)")
    return opened


def snapshot(how: Snapshot, sql: str = "select * from src", **options: Any) -> Any:
    given = {"unique_key": ["id"], **options}
    return graph_of(model("a", sql, "snapshot", snapshot=how, **given))


def put(engine: Engine, *values: str) -> None:
    run_sql(engine, "delete from src", *(f"insert into src values ({value})" for value in values))


def take(engine: Engine, graph: Any, hours: float = 0, **options: Any) -> list[Event]:
    now = (DAY0 + timedelta(hours=hours)).replace(tzinfo=UTC)
    return build(engine, graph, clock=lambda: now, **options)


def ok(events: list[Event]) -> StepFinished:
    assert said(events)[-1] == "runfinished success", [
        event.problems for event in events if isinstance(event, StepFailed)
    ]
    return next(event for event in events if isinstance(event, StepFinished))


def failed(events: Iterable[Event]) -> StepFailed:
    return next(event for event in events if isinstance(event, StepFailed))


def states(engine: Engine, columns: str = "id, status", table: str = "a") -> list[tuple[Any, ...]]:
    """Each row with its validity in days and hours: ('01T00', None) is open."""
    time = "cast(valid_from as timestamp), cast(valid_to as timestamp), is_current"
    found = rows(engine, f"select {columns}, {time} from {table} order by id, valid_from, valid_to")
    return [tuple(f"{v:%dT%H}" if isinstance(v, date) else v for v in row) for row in found]


def test_a_change_ends_a_state_and_begins_another(engine: Engine) -> None:
    graph = snapshot(TIMED)
    put(engine, "1, 'a', '2024-01-01'", "2, 'b', '2024-01-01'")
    assert ok(take(engine, graph)).rows == 2
    put(engine, "1, 'c', '2024-01-03'", "2, 'silent', '2024-01-01'", "3, 'd', '2024-01-02'")
    assert ok(take(engine, graph, 100)).rows == 2
    assert states(engine) == [
        (1, "a", "01T00", "03T00", False),
        (1, "c", "03T00", None, True),
        (2, "b", "01T00", None, True),
        (3, "d", "02T00", None, True),
    ]
    assert {name for name in tables(engine) if "sqlpipes" in name} == set()


@pytest.mark.parametrize("how", [TIMED, CHECKED])
def test_a_second_look_without_a_change_writes_nothing(engine: Engine, how: Snapshot) -> None:
    graph = snapshot(replace(how, hard_deletes=HardDeletes.NEW_RECORD))
    put(engine, "1, 'a', '2024-01-01'", "2, null, '2024-01-01'")
    ok(take(engine, graph))
    before = rows(engine, "select * from a order by id")
    for hours in (1, 2):
        assert ok(take(engine, graph, hours)).rows == 0
        assert rows(engine, "select * from a order by id") == before


def test_checked_columns_make_a_state_and_null_is_a_value(engine: Engine) -> None:
    graph = snapshot(replace(CHECKED, check_columns=("status",)))
    for hour, status in enumerate(("'a'", "null", "null", "'a'", "'a'")):
        put(engine, f"1, {status}, '2024-01-0{hour + 1}'")
        ok(take(engine, graph, hour))
    assert states(engine) == [
        (1, "a", "01T00", "01T01", False),
        (1, None, "01T01", "01T03", False),
        (1, "a", "01T03", None, True),
    ]


def test_deletions_are_ignored_ended_or_marked(engine: Engine) -> None:
    seen = {}
    for how in HardDeletes:
        run_sql(engine, "drop table if exists a")
        graph = snapshot(replace(TIMED, hard_deletes=how))
        put(engine, "1, 'a', '2024-01-01'")
        ok(take(engine, graph))
        put(engine)
        ok(take(engine, graph, 24))
        ok(take(engine, graph, 36))
        put(engine, "1, 'a', '2024-01-01'")
        ok(take(engine, graph, 48))
        ok(take(engine, graph, 72))
        columns = "id, is_deleted" if how is HardDeletes.NEW_RECORD else "id"
        seen[how] = states(engine, columns)
    assert seen == {
        HardDeletes.IGNORE: [(1, "01T00", None, True)],
        HardDeletes.INVALIDATE: [(1, "01T00", "02T00", False), (1, "03T00", None, True)],
        HardDeletes.NEW_RECORD: [
            (1, False, "01T00", "02T00", False),
            (1, True, "02T00", "03T00", False),
            (1, False, "03T00", None, True),
        ],
    }


def test_marks_of_deletion_can_be_switched_on_and_off_later(engine: Engine) -> None:
    put(engine, "1, 'a', '2024-01-01'", "2, 'b', '2024-01-01'")
    ok(take(engine, snapshot(TIMED)))
    put(engine, "1, 'a', '2024-01-01'")
    ok(take(engine, snapshot(replace(TIMED, hard_deletes=HardDeletes.NEW_RECORD)), 24))
    put(engine)
    ok(take(engine, snapshot(replace(TIMED, hard_deletes=HardDeletes.INVALIDATE)), 48))
    ok(take(engine, snapshot(replace(TIMED, hard_deletes=HardDeletes.INVALIDATE)), 72))
    assert states(engine, "id, is_deleted") == [
        (1, False, "01T00", "03T00", False),
        (2, False, "01T00", "02T00", False),
        (2, True, "02T00", None, True),
    ]


@pytest.mark.parametrize("kind", ["date", "timestamp", "timestamptz", "timestamp(0)"])
@notyet("mariadb", "where a key comes back or goes, it becomes a DATETIME(6)")
def test_the_validity_has_the_type_of_updated_at(engine: Engine, kind: str) -> None:
    how = replace(TIMED, hard_deletes=HardDeletes.NEW_RECORD)
    graph = snapshot(how, f"select id, status, ts::{kind} as ts from src")
    put(engine, "1, 'a', '2024-01-01'", "2, 'b', '2024-01-01'")
    ok(take(engine, graph))
    put(engine, "1, 'b', '2024-01-02'")
    ok(take(engine, graph, 48))
    found = columns_of(engine, "a")
    assert len({found[name] for name in ("valid_from", "valid_to", "ts")}) == 1
    assert [row[2:] for row in states(engine)] == [
        ("01T00", "02T00", False),
        ("02T00", None, True),
        ("01T00", "03T00", False),
        ("03T00", None, True),
    ]


def test_columns_have_other_names_and_keys_several_columns(engine: Engine) -> None:
    names = SnapshotColumns("dbt_valid_from", "dbt_valid_to", 'it "is"', "gone")
    how = Snapshot(None, ("ts",), HardDeletes.NEW_RECORD, names)
    graph = snapshot(how, unique_key=["id", "status"])
    put(engine, "1, 'a', null", "1, 'b', null")
    ok(take(engine, graph))
    put(engine, "1, 'a', '2024-01-05'")
    ok(take(engine, graph, 1))
    columns = columns_of(engine, "a")
    assert list(columns) == [
        "id",
        "status",
        "ts",
        "dbt_valid_from",
        "dbt_valid_to",
        'it "is"',
        "gone",
    ]
    found = rows(engine, 'select status, "it ""is""", gone from a order by 1, 2')
    assert found == [
        ("a", False, False),
        ("a", True, False),
        ("b", False, False),
        ("b", True, True),
    ]


@notyet(
    "sqlite", "its columns have no fixed types: a value of another kind is taken", code="BLD014"
)
@pytest.mark.parametrize(
    ("sql", "how", "code"),
    [
        ("select 1 as id, 2 as valid_to, now() as ts", TIMED, "BLD012"),
        ("select 1 as id, null::timestamp as ts", TIMED, "BLD013"),
        ("select 1 as id, 7 as ts", TIMED, "BLD014"),
        ("select 1 as id, '2024-01-01' as ts", TIMED, "BLD014"),
        ("select 1 as id", TIMED, "BLD016"),
        ("select 1 as idd", CHECKED, "BLD016"),
        ("select 1 as id", replace(CHECKED, check_columns=("x", "id")), "BLD016"),
        ("select null as id", CHECKED, "BLD004"),
        ("select * from (values (1), (1)) as t(id)", CHECKED, "BLD003"),
    ],
)
def test_what_cannot_be_kept_is_refused_at_once_and_later(
    engine: Engine, sql: str, how: Snapshot, code: str
) -> None:
    assert failed(take(engine, snapshot(how, sql))).problems[0].code == code
    assert "a" not in tables(engine)
    put(engine, "1, 'a', '2024-01-01'")
    ok(take(engine, snapshot(CHECKED if code == "BLD016" else how)))
    before = rows(engine, "select * from a")
    changed = snapshot(how, sql, on_schema_change=SchemaChange.IGNORE)
    refused = failed(take(engine, changed, 1)).problems[0].code
    assert refused == code or (code, refused) == ("BLD014", "ENG004")  # 7 > timestamp
    assert rows(engine, "select * from a") == before


def test_a_table_that_is_no_snapshot_is_left_alone(engine: Engine) -> None:
    run_sql(engine, "create table a as select 1 as id, 'a' as status, now()::timestamp as ts")
    problem = failed(take(engine, snapshot(TIMED))).problems[0]
    assert problem.code == "BLD015"
    assert "lacks 'valid_from', 'valid_to', 'is_current'" in problem.message
    assert rows(engine, "select count(*) from a") == [(1,)]


def test_columns_that_change_need_a_word(engine: Engine) -> None:
    put(engine, "1, 'a', '2024-01-01'")
    ok(take(engine, snapshot(CHECKED)))
    run_sql(engine, "alter table src add column extra integer", "update src set extra = 7")
    problem = failed(take(engine, snapshot(CHECKED), 1)).problems[0]
    assert problem.code == "BLD010"
    assert "begins a new history" in str(problem.hint)
    ok(take(engine, snapshot(CHECKED, on_schema_change=SchemaChange.IGNORE), 1))
    assert len(states(engine)) == 1
    ok(take(engine, snapshot(CHECKED, on_schema_change=SchemaChange.ADD), 2))
    assert states(engine, "id, extra") == [
        (1, None, "01T00", "01T02", False),
        (1, 7, "01T02", None, True),
    ]
    run_sql(engine, "alter table src drop column status")
    ok(take(engine, snapshot(CHECKED, on_schema_change=SchemaChange.SYNC), 3))
    assert states(engine, "id, extra") == [
        (1, None, "01T00", "01T02", False),
        (1, 7, "01T02", None, True),
    ]


def test_an_empty_build_ends_nothing(engine: Engine) -> None:
    graph = snapshot(replace(TIMED, hard_deletes=HardDeletes.INVALIDATE))
    ok(take(engine, graph, empty=True))
    put(engine, "1, 'a', '2024-01-01'")
    ok(take(engine, graph))
    ok(take(engine, graph, 1, empty=True))
    assert states(engine) == [(1, "a", "01T00", None, True)]


def test_a_pruned_query_is_asked_whole_where_absence_means_deletion(engine: Engine) -> None:
    text = "select * from src --if-- where ts > '2024-01-01'"
    for how, current in ((HardDeletes.IGNORE, 1), (HardDeletes.INVALIDATE, 1)):
        run_sql(engine, "drop table if exists a")
        graph = snapshot(replace(TIMED, hard_deletes=how), text, template=True)
        put(engine, "1, 'a', '2024-01-01'")
        ok(take(engine, graph))
        ok(take(engine, graph, 1))
        assert rows(engine, "select count(*) from a where is_current") == [(current,)]


def test_full_refresh_begins_a_new_history(engine: Engine) -> None:
    graph = snapshot(TIMED)
    for day in (1, 2):
        put(engine, f"1, 'a', '2024-01-0{day}'")
        ok(take(engine, graph, 48))
    ok(take(engine, graph, 72, full=True))
    assert states(engine) == [(1, "a", "02T00", None, True)]


# ------------------------------------------------------------------------------------ properties


Row = tuple[int, int, datetime]


class Slow:
    """SCD 2, one key and one row after the other."""

    def __init__(self, how: Snapshot) -> None:
        self.how = how
        self.states: list[list[Any]] = []  # id, status, ts, from, to, current, deleted

    def take(self, source: dict[int, tuple[int, datetime]], now: datetime) -> None:
        for key, (status, ts) in source.items():
            mine = [s for s in self.states if s[0] == key]
            open_ = next((s for s in mine if s[5]), None)
            if open_ is not None and not open_[6] and not self.changed(open_, status, ts):
                continue
            floor = open_[3] if open_ else max((s[4] for s in mine), default=None)
            begin = now if floor is None else max(now, floor)
            if self.how.updated_at and (floor is None or ts > floor):
                begin = ts
            if open_ is not None:
                open_[4], open_[5] = begin, False
            self.states.append([key, status, ts, begin, None, True, False])
        if self.how.hard_deletes is not HardDeletes.IGNORE:
            self.delete(source, now)

    def changed(self, open_: list[Any], status: int, ts: datetime) -> bool:
        if self.how.updated_at:
            return bool(ts > open_[2])
        return bool(status != open_[1]) or (not self.how.check_columns and bool(ts != open_[2]))

    def delete(self, source: dict[int, tuple[int, datetime]], now: datetime) -> None:
        for state in [s for s in self.states if s[5] and not s[6] and s[0] not in source]:
            end = max(now, state[3])
            state[4], state[5] = end, False
            if self.how.hard_deletes is HardDeletes.NEW_RECORD:
                self.states.append([*state[:3], end, None, True, True])

    def rows(self) -> list[tuple[Any, ...]]:
        width = 7 if self.how.marks_deleted else 6
        return sorted((tuple(s[:width]) for s in self.states), key=repr)


sources = st.dictionaries(
    st.integers(0, 2), st.tuples(st.integers(0, 1), st.integers(-30, 60)), max_size=3
)
histories = st.lists(st.tuples(sources, st.integers(-5, 24)), min_size=1, max_size=6)
hows = st.builds(
    Snapshot,
    st.sampled_from([None, "ts"]),
    st.just(()),
    st.sampled_from(list(HardDeletes)),
) | st.just(Snapshot(None, ("status",), HardDeletes.INVALIDATE))


@pytest.mark.long
@given(histories, hows)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_history_is_what_it_is_row_by_row(opened: Engine, history: Any, how: Snapshot) -> None:
    """Also with a clock that goes backwards and rows that are told late."""
    engine = opened
    run_sql(engine, "drop table if exists a", "drop table if exists src")
    run_sql(engine, "create table src (id integer, status integer, ts timestamp)")
    slow, hours = Slow(how), 0
    for source, later in history:
        hours += later
        at = {key: (status, DAY0 + timedelta(hours=ts)) for key, (status, ts) in source.items()}
        put(engine, *(f"{key}, {status}, '{ts}'" for key, (status, ts) in at.items()))
        ok(take(engine, snapshot(how), hours))
        slow.take(at, DAY0 + timedelta(hours=hours))
        assert sorted(rows(engine, "select * from a"), key=repr) == slow.rows()
        well_formed(slow.states)
        ok(take(engine, snapshot(how), hours))
        assert sorted(rows(engine, "select * from a"), key=repr) == slow.rows()


def well_formed(found: list[list[Any]]) -> None:
    """The states of a key follow each other; at most one of them is open."""
    for key in {state[0] for state in found}:
        mine = [state for state in found if state[0] == key]
        assert sum(state[5] for state in mine) <= 1
        assert all((state[4] is None) == state[5] for state in mine)
        for before, after in pairwise(mine):
            assert before[3] <= before[4] <= after[3]
