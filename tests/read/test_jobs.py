"""Jobs as they are declared, in YAML and in Python: every fault at its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.projects import write

from sqlpipes.api import load
from sqlpipes.core.job import ALL, EVERY, Job, slice_rule

FILES = {
    "models/orders.sql": "select 1 as a\n",
    "models/daily.sql": (
        "/*\n---\npartition: {by: day, column: a, start: 2024-01-01}\n---\n*/\n"
        "select a from orders\n"
    ),
    "models/rates.py": (
        "from sqlpipes import asset, job, op\n\n\n"
        "@op\ndef fetch(day):\n    return day\n\n\n"
        "@asset\ndef rates():\n    return [{'x': 1}]\n\n\n"
        "daily_rates = job('rates', op=fetch, args={'day': 'today'}, cron='@daily')\n"
    ),
}


def jobs(root: Path, text: str = "", **environ: str) -> dict[str, Job]:
    (root / "jobs.yml").write_text(text)
    project = load(str(root), environ=environ)
    assert project.problems == ()
    return {job.name: job for job in project.jobs}


def faults(root: Path, text: str, **environ: str) -> list[str]:
    (root / "jobs.yml").write_text(text)
    return [str(problem) for problem in load(str(root), environ=environ).problems]


@pytest.fixture
def shop(tmp_path):
    return write(tmp_path / "shop", FILES)


def test_all_keys_mean_what_they_say(shop):
    found = jobs(
        shop,
        """
jobs:
  - name: nightly
    description: Everything that finance reads.
    owner: finance@acme.com
    tags: [finance]
    select: [orders+, daily]
    exclude: rates
    vars: {full: true}
    partition: missing last 7
    target: prod
    cron: "0 6 * * MON-FRI"
    timezone: Europe/Berlin
    catch_up: all
    enabled: false
    on_failure:
      - webhook: "{{ env_var('HOOK') }}"
        timeout_s: 5
        retries: 0
      - command: [notify, "--job", nightly]
    on_success: {command: "echo {{ env_var('HOOK') }}"}
""",
        HOOK="https://hooks.acme.com/secret",
    )["nightly"]
    assert found.select == ("orders+", "daily")
    assert found.exclude == ("rates",)
    assert found.vars == {"full": True}
    assert (found.partition.missing, found.partition.last) == (True, 7)
    assert (found.target, found.cron, found.timezone) == (
        "prod",
        "0 6 * * MON-FRI",
        "Europe/Berlin",
    )
    assert (found.catch_up, found.enabled) == (ALL, False)
    assert (found.owners, found.tags) == (("finance@acme.com",), ("finance",))
    web, command = found.on_failure
    assert (web.url, web.timeout_s, web.retries) == ("https://hooks.acme.com/secret", 5, 0)
    assert command.command == ("notify", "--job", "nightly")
    (echo,) = found.on_success
    assert echo.command == "echo https://hooks.acme.com/secret"
    assert "secret" not in f"{web!r} {web.shown} {echo.shown}"


def test_a_plain_webhook_is_shown_by_its_host_only(shop):
    (found,) = jobs(
        shop,
        "jobs:\n  - name: a\n    on_failure: {webhook: 'https://me:pw@hooks.acme.com/T0/secret?k=1'}\n",
    )["a"].on_failure
    assert found.shown == "https://hooks.acme.com/..."


def test_a_webhook_whose_variable_is_empty_here_is_no_hook(shop):
    text = "jobs:\n  - name: a\n    on_failure: {webhook: \"{{ env_var('HOOK', '') }}\"}\n"
    assert jobs(shop, text)["a"].on_failure == ()


def test_a_job_without_keys_builds_everything_when_asked(shop):
    found = jobs(shop, "jobs:\n  - name: all\n")["all"]
    assert (found.select, found.cron, found.partition, found.catch_up) == ((), "", EVERY, 1)


def test_jobs_stand_in_property_files_too(shop):
    (shop / "models" / "daily.yml").write_text("jobs:\n  - name: one\n    select: daily\n")
    assert [*jobs(shop, "jobs: [{name: two}]\n")] == ["one", "two", "rates"]


def test_an_op_of_the_jobs_own_file_is_found_and_called(shop):
    found = jobs(shop)["rates"]
    assert found.op is not None
    assert (found.op.name, found.op.args, found.cron) == ("fetch", {"day": "today"}, "@daily")
    assert found.op.load()(**found.op.args) == "today"
    again = jobs(shop)["rates"]  # now from the cache
    assert again.op is not None
    assert again.op.load()("x") == "x"


def test_an_op_of_another_file_is_found_by_yaml_and_by_python(shop):
    (shop / "models" / "plan.py").write_text(
        "from rates import fetch\nfrom sqlpipes import job\n\n"
        "other = job('other', op=fetch, args={'day': 1})\n"
        "later = [job('listed', select='orders')]\n"
    )
    found = jobs(shop, "jobs:\n  - {name: yaml, op: 'models/rates.py:fetch', args: {day: 1}}\n")
    for name in ("yaml", "other"):
        op = found[name].op
        assert op is not None
        assert op.load()(5) == 5
    assert found["listed"].select == ("orders",)


def test_a_job_in_python_takes_asset_functions(shop):
    (shop / "models" / "made.py").write_text(
        "from sqlpipes import asset, job\n\n\n@asset\ndef made():\n    return [{'x': 1}]\n\n\n"
        "nightly = job('nightly', select=[made, 'daily'], exclude='orders')\n"
    )
    assert jobs(shop)["nightly"].select == ("made", "daily")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cron: '0 25 * * *'", "jobs.yml:3:14: JOB001 '25' is no hour"),
        ("cron: 0 0 31 2 *", "jobs.yml:3:15: JOB001 '0 0 31 2 *' is never due"),
        ("cron: 5", "jobs.yml:3:11: JOB001 a cron line has five fields, this has 1 field"),
        ("timezone: Berlin", "jobs.yml:3:15: JOB002 there is no timezone 'Berlin'"),
        ("partition: lst 3", "jobs.yml:3:16: JOB003 'lst' is no word"),
        ("partition: last", "jobs.yml:3:16: JOB003 'last' needs a number"),
        ("partition: due last 3", "jobs.yml:3:16: JOB003 'due' is one slice"),
        ("select: ordes", "jobs.yml:3:13: SEL001 selector 'ordes' matches nothing"),
        ("select: [orders, 'daily ordes']", "jobs.yml:3:29: SEL001 selector 'ordes'"),
        ("exclude: tga:x", "jobs.yml:3:14: SEL002"),
        ("selector: nope", "jobs.yml:3:15: SEL007 there is no selector 'nope'"),
        ("schedule: '@daily'", "jobs.yml:3:5: CFG001 a job has no key 'schedule'"),
        ("vars: 3", "jobs.yml:3:11: CFG002 'vars' must be a mapping"),
        ("catch_up: 0", "jobs.yml:3:15: CFG002 'catch_up' must be a whole number from 1"),
        ("catch_up: some", "jobs.yml:3:15: CFG002 'catch_up' must be a whole number from 1"),
        ("timezone: UTC", "jobs.yml:3:5: CFG002 a job without `cron:` is never due"),
        ("op: fetch", "jobs.yml:3:9: JOB005 in which file is the op 'fetch'?"),
        ("op: 'models/no.py:fetch'", "jobs.yml:3:9: JOB005 there is no file 'models/no.py'"),
        ("op: 'models/rates.py:fecth'", "jobs.yml:3:9: JOB012 models/rates.py has no op 'fecth'"),
        ("op: 'models/rates.py:rates'", "jobs.yml:3:9: JOB012 models/rates.py has no op 'rates'"),
        ("op: 'models/rates.py:fetch'", "jobs.yml:3:9: JOB012 the op 'fetch' needs 'day'"),
        (
            "op: 'models/rates.py:fetch'\n    args: {day: 1, dya: 2}",
            "jobs.yml:4:20: JOB012 the op 'fetch' takes no 'dya'",
        ),
        ("select: ''", "jobs.yml:3:13: JOB014 this 'select' is empty"),
        ("exclude: [rates, '']", "JOB014 this 'exclude' is empty"),
        ("select: \"{{ env_var('NONE', '') }}\"", "jobs.yml:3:13: JOB014 this 'select' is empty"),
        (
            "partition: last 3\n    select: orders",
            "jobs.yml:3:16: JOB013 'partition: last' is given",
        ),
        ("partition: 2024-01\n    select: orders", "JOB013 'partition' is given, but no selected"),
        ("partition: 2019-01", "jobs.yml:3:16: JOB013 'partition' names no slice of daily"),
        (
            "timezone: Europe/Berlin\n    partition: due\n    cron: '@daily'",
            "jobs.yml:3:15: JOB010 'a' is due by the clock of Europe/Berlin, and the slices of "
            "'daily' are days of UTC",
        ),
        ("args: {a: 1}", "jobs.yml:3:5: CFG002 'args' is what an op is called with"),
        ("on_failure: ls", "jobs.yml:3:17: CFG002 'on_failure' must be `command: ...`"),
        ("on_failure: {url: x}", "jobs.yml:3:18: CFG001 a hook has no key 'url'"),
        ("on_failure: {webhook: 'ftp://x'}", "jobs.yml:3:27: CFG002 this webhook is no http"),
        ("on_failure: {command: a, webhook: 'http://x'}", "a hook is either a `command:`"),
        ("on_failure: {webhook: \"{{ env_var('NO') }}\"}", "jobs.yml:3:27: TPL001"),
        ("on_failure: {command: ls, timeout_s: 0}", "jobs.yml:3:42: CFG002 'timeout_s' must be"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(shop, text, said):
    found = faults(shop, f"jobs:\n  - name: a\n    {text}\n")
    assert any(said in each for each in found), found


def test_two_jobs_of_one_name_are_told_with_both_places(shop):
    (shop / "jobs.yml").write_text("jobs:\n  - name: a\n  - name: a\n")
    (problem,) = load(str(shop), environ={}).problems
    assert str(problem) == "jobs.yml:3:11: CFG003 the job 'a' is defined twice"
    assert [str(at) for at in problem.others] == ["jobs.yml:2:11"]


def test_a_fault_in_python_is_told_at_its_argument(shop):
    (shop / "models" / "bad.py").write_text(
        "from sqlpipes import job\n\nx = job('bad', select='ordes', cron='0 25 * * *')\n"
    )
    found = faults(shop, "")
    assert any("models/bad.py:3:24: SEL001" in each for each in found), found
    assert any("models/bad.py:3:40: JOB001" in each for each in found), found


def test_what_only_the_outside_knows_is_asked_when_the_job_runs(shop):
    assert jobs(shop, "jobs: [{name: a, select: 'state:modified+ stale:'}]\n")["a"].select


def test_a_rule_names_slices():
    assert slice_rule("").text == ""
    assert slice_rule("due").due
    assert slice_rule("failed stale").failed
    assert slice_rule("2024-01-01..2024-02-01").range == "2024-01-01..2024-02-01"
    with pytest.raises(ValueError, match="no word"):
        slice_rule("missng")


def test_a_job_in_python_that_is_bound_to_no_name_is_told(shop):
    (shop / "models" / "loose.py").write_text("from sqlpipes import job\n\njob('lost')\n")
    (said,) = faults(shop, "")
    assert (
        said == "models/loose.py:3:1: JOB008 this job(...) is bound to no name, so it is not found"
    )


def test_a_hook_knows_what_it_holds_from_the_environment(shop):
    text = (
        "jobs:\n  - name: nightly\n    on_failure:\n"
        "      - command: \"page {{ env_var('TOKEN') }}\"\n"
        "      - webhook: https://me:word@host/{{ env_var('PATH_THERE') }}\n"
    )
    found = jobs(shop, text, TOKEN="s3cret", PATH_THERE="there")["nightly"].on_failure
    assert [hook.secrets for hook in found] == [("s3cret",), ("there", "word")]
    assert "s3cret" not in found[0].shown


def test_a_job_of_the_same_clock_as_its_slices_is_sound(shop):
    text = "jobs:\n  - {name: a, select: daily, partition: due, cron: '@daily'}\n"
    text += "  - {name: b, select: daily, partition: 2024-01..2024-03}\n"
    text += "  - {name: c, select: daily, partition: last 3}\n"
    assert faults(shop, text) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("automation", "jobs.yml:2:11: JOB015 no job can be called 'automation'"),
        ("'sensor:files'", "jobs.yml:2:11: JOB015 no job can be called 'sensor:files'"),
        ("''", "jobs.yml:2:11: JOB015 a job needs a name"),
    ],
)
def test_a_name_that_others_go_by_is_refused(shop, name, said):
    assert any(said in each for each in faults(shop, f"jobs:\n  - name: {name}\n"))


def test_a_target_that_the_profile_lacks_is_told(shop):
    outputs = "{dev: {type: duckdb, path: a.db}, prod: {type: duckdb, path: b.db}}"
    (shop / "profiles.yml").write_text(f"shop:\n  target: dev\n  outputs: {outputs}\n")
    (shop / "jobs.yml").write_text(
        "jobs:\n  - {name: a, target: prd}\n  - {name: b, target: prod}\n"
    )
    (problem,) = load(str(shop), environ={}).problems
    assert str(problem).startswith("jobs.yml:2:23: JOB011 there is no target 'prd'")
    assert (problem.is_error, problem.hint) == (False, "did you mean 'prod'?")


def test_ops_that_a_text_does_not_show_are_left_to_the_call(shop):
    python = (
        "import functools\nfrom sqlpipes import op\n\n\ndef plain(a):\n    return a\n\n\n"
        "made = op(plain)\n\n\n@op\ndef many(*args, b=1, **more):\n    return more\n\n\n"
        "@op(name='called')\ndef other(a, *, c, d=2):\n    return a\n"
    )
    (shop / "models" / "ops.py").write_text(python)
    text = "jobs:\n  - {name: a, op: 'models/ops.py:made', args: {x: 1}}\n"
    text += "  - {name: b, op: 'models/ops.py:many', args: {x: 1}}\n"
    text += "  - {name: c, op: 'models/ops.py:called', args: {a: 1, c: 2}}\n"
    assert faults(shop, text) == []
    (said,) = faults(shop, "jobs:\n  - {name: c, op: 'models/ops.py:called', args: {a: 1}}\n")
    assert "JOB012 the op 'called' needs 'c'" in said


def test_a_job_in_python_that_its_loop_takes_away_is_told(shop):
    python = (
        "from sqlpipes import job\n\nfor name in ('a', 'b'):\n    made = job(name)\n"
        "for name in ('c', 'd'):\n    job(name)\n"
        "for name in ('e', 'f'):\n    globals()[name] = job(name)\n"
    )
    (shop / "models" / "looped.py").write_text(python)
    said = faults(shop, "")
    assert [each.partition(" this")[0] for each in said] == [
        "models/looped.py:4:12: JOB008",
        "models/looped.py:6:5: JOB008",
    ]
    assert "overwritten by the next of its loop" in said[0]
