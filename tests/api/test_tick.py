"""What is due is done once, whoever asks and however often; what was missed is bounded and told."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from cli.projects import write

from sqlpipes.api import How, Outcome, Ticked, Watch, job_runs, jobs, load_as, run_job, runs, tick
from sqlpipes.api.claims import DIED, Died
from sqlpipes.api.project import open_store_of
from sqlpipes.api.schedules import Missed
from sqlpipes.api.sharing import Patience
from sqlpipes.core.errors import LockedError, ProjectError
from sqlpipes.core.job import Request
from sqlpipes.core.status import Status

TABLE = "/*\n---\nmaterialized: table\n---\n*/\n"
FILES = {
    "sqlpipes.yml": "name: shop\nvars: {price: 1}\n",
    "models/orders.sql": TABLE + "select {{ var('price') }} as price\n",
    "models/bad.sql": TABLE + "select error('boom') as x\n",
    "models/daily.sql": (
        "/*\n---\npartition: {by: day, column: day, start: 2024-01-01}\n---\n*/\n"
        "select unnest(generate_series(timestamp '2024-01-01', timestamp '2024-02-01', "
        "interval 1 day))::date as day\n"
    ),
    "jobs.yml": "jobs:\n  - {name: nightly, select: orders, cron: '0 6 * * *'}\n",
}
NIGHT = datetime(2024, 1, 4, 12, tzinfo=UTC)


def at(day: int, hour: int = 6, minute: int = 0) -> datetime:
    return datetime(2024, 1, day, hour, minute, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path):
    return write(tmp_path / "shop", FILES)


def ticked(root: Path, when: datetime, **options: Any) -> Ticked:
    how = How(str(root))
    return tick(how, load_as(how), at=when, **options)


def declare(root: Path, text: str) -> None:
    (root / "jobs.yml").write_text(f"jobs:\n{text}")


def keys(found: Ticked) -> list[str]:
    return [outcome.request.key for outcome in found.outcomes]


def table(root: Path, name: str) -> list[tuple]:
    with duckdb.connect(str(root / "shop.duckdb"), read_only=True) as db:
        return sorted(db.execute(f"from {name}").fetchall())


def done(root: Path, name: str, **options: Any) -> Outcome:
    how = How(str(root))
    return run_job(how, load_as(how), name, **options)


# ------------------------------------------------------------------------------------- what is due


def test_a_job_counts_from_when_it_is_first_seen(shop):
    assert ticked(shop, at(4, 12)) == Ticked()
    assert keys(ticked(shop, at(5, 5, 59))) == []
    assert keys(ticked(shop, at(5, 6))) == ["2024-01-05T06:00Z"]
    assert keys(ticked(shop, at(5, 6))) == []
    assert keys(ticked(shop, at(5, 23))) == []
    assert keys(ticked(shop, at(6, 7))) == ["2024-01-06T06:00Z"]


def test_what_it_did_is_on_record_with_the_jobs_name(shop):
    ticked(shop, at(4))
    (outcome,) = ticked(shop, at(5)).outcomes
    assert outcome.ok
    (run,) = runs(load_as(How(str(shop))))
    assert (run.job, run.run_id) == ("nightly", outcome.run_id)
    (noted,) = job_runs(load_as(How(str(shop))), "nightly")
    assert (noted.status, noted.attempts, noted.run_id) == (Status.SUCCESS, 1, outcome.run_id)
    assert noted.request.due == at(5)
    (item,) = jobs(load_as(How(str(shop))), now=at(5, 7))
    assert (item.next, item.last) == (at(6), noted)


def test_another_schedule_counts_anew(shop):
    ticked(shop, at(4, 12))
    declare(shop, "  - {name: nightly, select: orders, cron: '0 * * * *'}\n")
    assert keys(ticked(shop, at(4, 18))) == []
    assert keys(ticked(shop, at(4, 19))) == ["2024-01-04T19:00Z"]


def test_a_job_that_is_not_enabled_or_of_another_target_is_never_due(shop):
    declare(
        shop,
        "  - {name: off, cron: '* * * * *', enabled: false}\n"
        "  - {name: prod, cron: '* * * * *', target: prod}\n",
    )
    ticked(shop, at(4))
    assert ticked(shop, at(5)) == Ticked()
    assert [item.next for item in jobs(load_as(How(str(shop))))] == [None, None]


def test_of_what_was_missed_only_the_newest_is_done_and_the_others_are_told(shop):
    ticked(shop, at(4, 12))
    found = ticked(shop, at(9, 7))
    assert keys(found) == ["2024-01-09T06:00Z"]
    assert found.missed == (Missed("nightly", at(5), at(8), 4),)
    assert "4 missed before" in found.outcomes[0].request.because
    noted = {run.request.key: run for run in job_runs(load_as(How(str(shop))))}
    assert noted["2024-01-08T06:00Z"].status is Status.SKIPPED
    assert noted["2024-01-08T06:00Z"].message == "missed: 4 times are not made up for"
    assert ticked(shop, at(9, 8)) == Ticked()


@pytest.mark.parametrize(("catch_up", "days"), [("2", [8, 9]), ("all", [5, 6, 7, 8, 9])])
def test_catch_up_says_how_many_are_made_up_for(shop, catch_up, days):
    declare(
        shop, f"  - {{name: nightly, select: orders, cron: '0 6 * * *', catch_up: {catch_up}}}\n"
    )
    ticked(shop, at(4, 12))
    assert keys(ticked(shop, at(9, 7))) == [f"2024-01-{day:02}T06:00Z" for day in days]


def test_years_of_minutes_are_not_counted_one_by_one(shop):
    declare(shop, "  - {name: minutely, select: orders, cron: '* * * * *'}\n")
    ticked(shop, at(4, 12))
    found = ticked(shop, datetime(2027, 1, 4, 12, 0, 30, tzinfo=UTC))
    assert keys(found) == ["2027-01-04T12:00Z"]
    (missed,) = found.missed
    assert not missed.is_all
    assert str(missed) == "more than 10,000"
    assert missed.first == at(4, 12, 1)
    assert missed.last == datetime(2027, 1, 4, 11, 59, tzinfo=UTC)


def test_a_dry_run_says_the_same_and_changes_nothing(shop):
    ticked(shop, at(4, 12))
    for _ in range(2):
        found = ticked(shop, at(6, 7), dry_run=True)
        assert [request.key for request in found.asked] == ["2024-01-06T06:00Z"]
        assert [missed.count for missed in found.missed] == [1]
        assert found.outcomes == ()
    assert job_runs(load_as(How(str(shop)))) == ()
    assert keys(ticked(shop, at(6, 7))) == ["2024-01-06T06:00Z"]
    assert ticked(shop, at(6, 7), dry_run=True) == Ticked()


def test_a_broken_project_is_refused(shop):
    (shop / "models" / "oops.sql").write_text("select from from\n")
    (shop / "jobs.yml").write_text("jobs:\n  - {name: nightly, cron: nope}\n")
    with pytest.raises(ProjectError, match="JOB001"):
        ticked(shop, at(4))


# ------------------------------------------------------------------------------- which slices, vars


def days_built(root: Path) -> list[int]:
    return [day.day for (day,) in table(root, "daily")]


def test_due_is_the_newest_slice_that_was_complete_then(shop):
    declare(
        shop,
        "  - {name: nightly, select: daily, cron: '0 6 * * *', partition: due, catch_up: all}\n",
    )
    ticked(shop, at(4, 12))
    ticked(shop, at(7, 8))
    assert days_built(shop) == [4, 5, 6]


def test_slices_are_counted_up_to_the_time_that_is_pretended(shop):
    declare(shop, "  - {name: nightly, select: daily, cron: '0 6 * * *'}\n")
    ticked(shop, at(4, 12))
    found = ticked(shop, at(5, 8))
    assert days_built(shop) == [1, 2, 3, 4]
    assert found.outcomes[0].finished_at.year > 2024  # the record is no pretence
    assert keys(ticked(shop, at(6, 8))) == ["2024-01-06T06:00Z"]
    assert days_built(shop) == [1, 2, 3, 4, 5]


def test_rules_are_those_of_build(shop):
    declare(shop, "  - {name: month, select: daily, partition: 2024-01-01..2024-01-03}\n")
    assert done(shop, "month").ok
    assert days_built(shop) == [1, 2]
    assert done(shop, "month", partition="2024-01-05").ok
    assert days_built(shop) == [1, 2, 5]
    with pytest.raises(ProjectError, match="JOB003"):
        done(shop, "month", partition="lst 3")
    assert len(job_runs(load_as(How(str(shop))))) == 2


def test_vars_of_the_job_and_of_the_command_count_in_this_order(shop):
    declare(shop, "  - {name: cheap, select: orders, vars: {price: 2}}\n")
    assert done(shop, "cheap").ok
    assert table(shop, "orders") == [(2,)]
    assert done(shop, "cheap", vars={"price": 3}).ok
    assert table(shop, "orders") == [(3,)]
    assert done(shop, "cheap", vars={"price": 3}).message == "nothing to do"


def test_there_is_no_such_job(shop):
    with pytest.raises(ProjectError, match="JOB006 there is no job 'nightyl'") as caught:
        done(shop, "nightyl")
    assert caught.value.problems[0].hint == "did you mean 'nightly'?"


# ---------------------------------------------------------------------------------- what goes wrong


def test_a_failing_job_is_told_and_the_next_one_runs(shop):
    declare(
        shop,
        "  - {name: bad, select: bad, cron: '0 6 * * *'}\n"
        "  - {name: nightly, select: orders, cron: '0 6 * * *'}\n",
    )
    ticked(shop, at(4, 12))
    found = ticked(shop, at(5))
    assert not found.ok
    assert [(o.job, o.status) for o in found.outcomes] == [
        ("bad", Status.ERROR),
        ("nightly", Status.SUCCESS),
    ]
    assert found.outcomes[0].message == "models/bad.sql:6:1: ENG005 boom"
    assert ticked(shop, at(5, 7)) == Ticked()  # a failure is not tried again by itself


def test_a_plan_that_cannot_be_made_is_an_outcome(shop):
    declare(shop, "  - {name: nightly, select: orders, cron: '0 6 * * *', partition: 2024-01}\n")
    ticked(shop, at(4, 12))
    (outcome,) = ticked(shop, at(5)).outcomes
    assert (outcome.status, outcome.problems[0].code) == (Status.ERROR, "PLN002")


def test_a_request_of_a_job_that_is_gone_is_skipped(shop):
    how = How(str(shop))
    with closing(open_store_of(load_as(how))) as store:
        store.jobs().ask([Request("gone", "k", "a sensor")], NIGHT)
        store.jobs().ask([Request("free", "k", "automation", select=("orders",))], NIGHT)
    assert [outcome.job for outcome in ticked(shop, at(4)).outcomes] == ["free"]
    noted = {run.request.job: run for run in job_runs(load_as(how))}
    assert noted["gone"].message == "there is no job 'gone' any more"
    assert noted["free"].status is Status.SUCCESS


def test_what_is_stopped_is_queued_again(shop):
    ticked(shop, at(4, 12))
    cancel = threading.Event()
    found = ticked(shop, at(5), watch=Watch(cancel=cancel, on_plan=lambda plan: cancel.set()))
    assert [outcome.status for outcome in found.outcomes] == [Status.CANCELLED]
    (noted,) = job_runs(load_as(How(str(shop))))
    assert (noted.status, noted.attempts) == (Status.QUEUED, 0)
    assert keys(ticked(shop, at(5, 7))) == ["2024-01-05T06:00Z"]


def test_what_waits_too_long_is_missed_like_any_other_time(shop):
    ticked(shop, at(4, 12))
    cancel = threading.Event()
    ticked(shop, at(5), watch=Watch(cancel=cancel, on_plan=lambda plan: cancel.set()))
    found = ticked(shop, at(7, 7))
    assert keys(found) == ["2024-01-07T06:00Z"]
    assert found.missed == (Missed("nightly", at(5), at(6), 2),)


# ------------------------------------------------------------------------------- one of many at work

QUICK = Patience(beat_s=0.05, dead_after_s=0.4)


def begun(root: Path, claim: str, *, enlisted: bool) -> Request:
    """A run that another process has begun: one that died, if it is not enlisted."""
    request = Request("nightly", "2024-01-05T06:00Z", "due", due=at(5))
    with closing(open_store_of(load_as(How(str(root))))) as store:
        store.jobs().keep({"nightly": "0 6 * * * UTC"}, NIGHT)
        store.jobs().ask([request], NIGHT)
        if enlisted:
            leases = store.leases()
            assert leases is not None
            leases.enlist(claim, "tick", pid=1)
        assert store.jobs().claim(request, claim, "r1", NIGHT)
    return request


def test_what_a_dead_process_had_begun_is_done_again(shop):
    begun(shop, "job-dead", enlisted=False)
    found = ticked(shop, at(5, 7))
    assert [(died.again, died.run.claim) for died in found.died] == [(True, "job-dead")]
    assert keys(found) == ["2024-01-05T06:00Z"]
    (noted,) = job_runs(load_as(How(str(shop))))
    assert (noted.status, noted.attempts) == (Status.SUCCESS, 2)


def test_a_dry_run_sees_who_is_dead_and_changes_nothing(shop):
    begun(shop, "job-dead", enlisted=False)
    found = ticked(shop, at(5, 7), dry_run=True)
    assert [(died.again, died.run.claim) for died in found.died] == [(True, "job-dead")]
    assert [request.key for request in found.asked] == ["2024-01-05T06:00Z"]
    (noted,) = job_runs(load_as(How(str(shop))))
    assert noted.status is Status.RUNNING


def test_a_process_without_a_sign_of_life_is_buried_after_a_while(shop):
    begun(shop, "job-far", enlisted=True)
    assert keys(ticked(shop, at(5, 7), patience=QUICK)) == ["2024-01-05T06:00Z"]


def test_a_process_that_lives_keeps_what_it_has_begun(shop):
    begun(shop, "job-far", enlisted=True)
    stop = threading.Event()

    def beat() -> None:
        with closing(open_store_of(load_as(How(str(shop))))) as store:
            leases = store.leases()
            assert leases is not None
            while not stop.wait(0.05):
                leases.beat("job-far")

    thread = threading.Thread(target=beat)
    thread.start()
    try:
        found = ticked(shop, at(6, 7), patience=QUICK)
        with pytest.raises(LockedError, match="JOB007"):
            done(shop, "nightly", patience=QUICK)
    finally:
        stop.set()
        thread.join()
    assert found.died == ()
    assert found.outcomes == ()  # one run of a job at a time
    assert [run.request.key for run in found.waiting] == ["2024-01-06T06:00Z"]
    assert keys(ticked(shop, at(6, 8), patience=QUICK)) == ["2024-01-06T06:00Z"]


def test_a_run_that_dies_each_time_is_given_up_told_and_hooked(shop):
    declare(
        shop,
        "  - name: nightly\n    select: orders\n    cron: '0 6 * * *'\n"
        "    on_failure: {command: 'echo $SQLPIPES_STATUS > told'}\n",
    )
    request = begun(shop, "job-1", enlisted=False)
    how = How(str(shop))
    with closing(open_store_of(load_as(how))) as store:
        for number in (1, 2):
            assert store.jobs().give_back(request, f"job-{number}", DIED)
            assert store.jobs().claim(request, f"job-{number + 1}", "r1", NIGHT)
    found = ticked(shop, at(5, 7))
    assert not found.ok
    (died,) = found.died
    assert isinstance(died, Died)
    assert not died.again
    (noted,) = job_runs(load_as(how))
    assert (noted.status, noted.attempts) == (Status.INTERRUPTED, 3)
    assert (shop / "told").read_text() == "interrupted\n"


def test_two_ticks_at_once_share_the_work(shop):
    declare(
        shop,
        "".join(f"  - {{name: job{n}, select: orders, cron: '0 6 * * *'}}\n" for n in range(6)),
    )
    ticked(shop, at(4, 12))
    found: list[Ticked] = []
    threads = [threading.Thread(target=lambda: found.append(ticked(shop, at(5)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = sorted(outcome.job for each in found for outcome in each.outcomes)
    assert names == [f"job{n}" for n in range(6)]
    noted = job_runs(load_as(How(str(shop))))
    assert [(run.status, run.attempts) for run in noted] == [(Status.SUCCESS, 1)] * 6
    assert noted[0].asked_at - NIGHT > timedelta(0)


# ------------------------------------------------------------------------- hooks of the project


def test_hooks_of_the_project_are_for_what_has_none_of_its_own(shop):
    hook = "on_failure: {command: 'echo \"$SQLPIPES_JOB\" >> failed'}\n"
    (shop / "sqlpipes.yml").write_text(FILES["sqlpipes.yml"] + hook)
    eager = TABLE.replace("table", "table\nauto: eager")
    (shop / "models" / "bad.sql").write_text(eager + "select error('boom') as x\n")
    watching = "from sqlpipes import Run, sensor\n\n\n@sensor(select='bad')\ndef odd():\n"
    (shop / "models" / "watching.py").write_text(watching + "    return Run(key='a')\n")
    declare(
        shop,
        "  - {name: none, select: bad}\n"
        "  - {name: own, select: bad, on_failure: {command: 'touch own'}}\n"
        "  - {name: well, select: bad, on_success: {command: 'touch well'}}\n",
    )
    found = ticked(shop, at(4, 12))
    assert [each.job for each in found.outcomes] == ["sensor:odd", "automation"]
    for name in ("none", "own", "well"):
        assert not done(shop, name).ok
    said = (shop / "failed").read_text().split()
    assert said == ["sensor:odd", "automation", "none"]
    assert (shop / "own").exists()


def test_a_wrong_hook_of_the_project_is_told_at_its_place(shop):
    (shop / "sqlpipes.yml").write_text(FILES["sqlpipes.yml"] + "on_failure: {comand: ls}\n")
    said = [str(problem) for problem in load_as(How(str(shop))).problems]
    assert any(s.startswith("sqlpipes.yml:3:14: CFG001 a hook has no key 'comand'") for s in said)
