"""A lake that does not open: the codes and places of any server's, and the nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest
from servers.lake import demand_lake
from sqlalchemy import make_url

from sqlpipes.api.building import build
from sqlpipes.api.project import load
from sqlpipes.core.errors import Problem, SqlpipesError

PROFILE = """shop:
  outputs:
    dev:
      type: ducklake
      connect_retries: 0
      catalog:
        host: {host}
        port: {port}
        user: {user}
        dbname: {dbname}{more}
      data_path: {data_path}
"""


def fault(root: Path, url: str, **changed: object) -> Problem:
    found = make_url(url)
    said: dict[str, object] = {
        "host": found.host,
        "port": found.port,
        "user": found.username,
        "dbname": found.database,
        "more": f"\n        password: {found.password}" if found.password else "",
        "data_path": "files",
    }
    (root / "profiles.yml").write_text(PROFILE.format(**said | changed))
    (root / "models").mkdir(exist_ok=True)
    (root / "models" / "a.sql").write_text("select 1 as a\n")
    with pytest.raises(SqlpipesError) as caught:
        build(load(str(root)))
    return caught.value.problems[0]


WRONG = {
    "an unknown host": ({"host": "nosuch.invalid"}, "ENG060", "7:15"),
    "a port where nobody listens": ({"port": 1}, "ENG061", "8:15"),
    "TLS that it has not": ({"more": "\n        sslmode: require"}, "ENG063", "11:18"),
    "a user that it does not know": ({"user": "nobody_here"}, "ENG064", "9:15"),
}


@pytest.mark.parametrize("name", WRONG)
def test_why_a_catalog_does_not_open(tmp_path: Path, postgres_url: str, name: str) -> None:
    demand_lake()
    changed, code, place = WRONG[name]
    problem = fault(tmp_path, postgres_url, **changed)
    assert (problem.code, str(problem.at)) == (code, f"profiles.yml:{place}"), problem


def test_a_database_that_is_not_there_has_its_nearest_name(
    tmp_path: Path, postgres_url: str
) -> None:
    demand_lake()
    near = str(make_url(postgres_url).database) + "x"
    problem = fault(tmp_path, postgres_url, dbname=near)
    assert (problem.code, str(problem.at)) == ("ENG065", "profiles.yml:10:17")
    assert problem.hint == f"did you mean '{near[:-1]}'?"


def test_files_that_are_elsewhere_are_told_at_their_key(tmp_path: Path, postgres_url: str) -> None:
    demand_lake()
    (tmp_path / "one").mkdir()
    with pytest.raises(pytest.fail.Exception):
        fault(tmp_path / "one", postgres_url)
    (tmp_path / "two").mkdir()
    problem = fault(tmp_path / "two", postgres_url, data_path="others")
    assert (problem.code, str(problem.at)) == ("ENG002", "profiles.yml:11:18")
    assert "override_data_path" in str(problem.hint)


@pytest.mark.parametrize("port", ["abc", "0", "99999", "5432x"])
def test_a_port_that_is_none_is_told_before_anything_opens(tmp_path: Path, port: str) -> None:
    problem = fault(tmp_path, "postgresql://me@db/shop", port=port)
    assert (problem.code, str(problem.at)) == ("PRF003", "profiles.yml:8:15")


def test_an_unknown_key_of_the_catalog_is_told_at_itself(tmp_path: Path) -> None:
    problem = fault(tmp_path, "postgresql://me@db:5432/shop", more="\n        pasword: x")
    assert (problem.code, str(problem.at)) == ("PRF003", "profiles.yml:11:9")
    assert problem.hint == "did you mean 'password'?"
