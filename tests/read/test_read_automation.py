"""`auto:` in front matter, YAML, folders and Python: what it means, and where it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

import sqlpipes
from sqlpipes.core.automation import Automation, When
from sqlpipes.core.errors import Problem


def project(root: Path, files: dict[str, str]) -> sqlpipes.Project:
    for name, text in {"sqlpipes.yml": "name: shop\n", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return sqlpipes.load(str(root), environ={})


def model(auto: str, name: str = "sum") -> dict[str, str]:
    text = f"/*\n---\nmaterialized: table\n{auto}\n---\n*/\nselect 1 as n from raw\n"
    return {f"models/{name}.sql": text, "models/raw.sql": "select 1 as n\n"}


SAID = {
    "auto: eager": Automation(When.EAGER),
    "auto: Missing": Automation(When.MISSING),
    "auto: never": Automation(When.NEVER),
    "auto: false": Automation(When.NEVER),
    'auto: {cron: "0 6 * * *"}': Automation(When.CRON, "0 6 * * *"),
    'auto: {cron: "@daily", timezone: Europe/Berlin}': Automation(
        When.CRON, "@daily", "Europe/Berlin"
    ),
    "auto: {when: eager, last: 3, ignore: raw}": Automation(
        When.EAGER, ignore=frozenset({"raw"}), last=3
    ),
    "auto: {when: eager, allow: [raw]}": Automation(When.EAGER, allow=frozenset({"raw"})),
}


@pytest.mark.parametrize("auto", SAID)
def test_what_it_means(tmp_path: Path, auto: str) -> None:
    found = project(tmp_path, model(auto))
    assert not found.errors
    assert found.asset("sum").auto == SAID[auto]


WRONG = {
    "auto: eagre": ("AUT001", 4, 7, "did you mean 'eager'?"),
    "auto: cron": ("AUT001", 4, 7, "timezone"),
    "auto: [eager]": ("AUT001", 4, 7, "did you mean 'eager'?"),
    "auto: {wen: eager}": ("AUT001", 4, 8, "did you mean 'when'?"),
    "auto: {last: 3}": ("AUT001", 4, 7, "write"),
    'auto: {when: eager, cron: "0 6 * * *"}': ("AUT001", 4, 21, "keep one"),
    "auto: {when: eager, timezone: UTC}": ("AUT001", 4, 21, "leave it out"),
    "auto: {when: eager, ignore: a, allow: b}": ("AUT001", 4, 32, "keep one"),
    'auto: {cron: "0 25 * * *"}': ("AUT002", 4, 17, "the second field is the hour: 0-23"),
    "auto: {cron: 0 25 * * *}": ("AUT002", 4, 16, "the second field is the hour: 0-23"),
    'auto: {cron: "0 6 * *"}': ("AUT002", 4, 15, "minute hour day month weekday"),
    'auto: {cron: "0 6 * * *", timezone: Berlin}': ("AUT002", 4, 37, "Europe/Berlin"),
    "auto: {when: eager, last: 0}": ("CFG002", 4, 27, ""),
    "auto: {when: eager, ignore: [rwa]}": ("AUT003", 4, 7, "did you mean 'raw'?"),
}


@pytest.mark.parametrize("auto", WRONG)
def test_a_mistake_is_told_where_it_stands(tmp_path: Path, auto: str) -> None:
    errors = project(tmp_path, model(auto)).errors
    code, line, column, hint = WRONG[auto]
    assert [problem.code for problem in errors][:1] == [code], errors
    at = errors[0].at
    assert at is not None
    assert (at.file, at.line, at.column) == ("models/sum.sql", line, column)
    assert hint in (errors[0].hint or "")


def test_the_nearest_place_counts(tmp_path: Path) -> None:
    files = {
        "sqlpipes.yml": "name: shop\ndefaults:\n  models:\n    auto: eager\n",
        **model("auto: never", "quiet"),
        **model("tags: [a]", "loud"),
        "models/m.yml": "models:\n  - name: named\n    auto: missing\n  - name: py2\n    auto: missing\n",
        **model("tags: [a]", "named"),
        "models/p.py": (
            "from sqlpipes import asset\n\n\n@asset(auto='missing')\ndef py():\n    return []\n\n\n"
            "@asset\ndef py3():\n    return []\n"
        ),
    }
    files["models/m.yml"] = "models:\n  - name: named\n    auto: missing\n"
    found = project(tmp_path, files)
    assert not found.errors
    said = {
        n: str(a.auto) for n in ("quiet", "loud", "named", "py", "py3") if (a := found.asset(n))
    }
    assert said == {
        "quiet": "never",
        "loud": "eager",
        "named": "missing",
        "py": "missing",
        "py3": "eager",
    }


def test_a_seed_and_an_asset_whose_yaml_says_it(tmp_path: Path) -> None:
    files = {
        "seeds/s.csv": "n\n1\n",
        "models/m.yml": "seeds: [{name: s, auto: eager}]\nmodels: [{name: py, auto: eager}]\n",
        "models/p.py": "from sqlpipes import asset\n\n\n@asset\ndef py():\n    return []\n",
    }
    found = project(tmp_path, files)
    assert not found.errors
    assert [str(found.asset(name).auto) for name in ("s", "py")] == ["eager", "eager"]


def only(problems: tuple[Problem, ...]) -> Problem:
    (problem,) = problems
    return problem


def test_python_is_told_at_its_argument(tmp_path: Path) -> None:
    text = (
        "from sqlpipes import asset\n\n\n"
        "@asset(\n    owner='a@b.c',\n    auto={'cron': '0 25 * * *'},\n)\ndef py():\n    return []\n"
    )
    for _ in range(2):  # also from the cache
        problem = only(project(tmp_path, {"models/p.py": text}).errors)
        assert (problem.code, str(problem.at)) == ("AUT002", "models/p.py:6:22")


def test_an_ephemeral_model_cannot_be_built_by_itself(tmp_path: Path) -> None:
    text = "/*\n---\nmaterialized: ephemeral\nauto: eager\n---\n*/\nselect 1 as n\n"
    problem = only(project(tmp_path, {"models/e.sql": text}).errors)
    assert (problem.code, str(problem.at)) == ("AUT003", "models/e.sql:4:7")


def test_sources_are_not_automated(tmp_path: Path) -> None:
    text = "sources: [{name: r, tables: [{name: t, auto: eager}]}]\n"
    assert only(project(tmp_path, {"models/s.yml": text}).errors).code == "CFG001"


def test_it_is_no_change_of_the_asset(tmp_path: Path) -> None:
    before = project(tmp_path, model("tags: [a]")).asset("sum").version
    assert project(tmp_path, model("auto: eager")).asset("sum").version == before
