"""What a project of one dialect says on further engines of another, and of its sources."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import sqlpipes
from sqlpipes.api import Ask, compiled, freshness, lint, plan, rows

OFFLINE = "postgresql://nobody@127.0.0.1:1/none"  # nobody listens there


def project(
    root: Path, files: dict[str, str], url: str, *, own: str = "duckdb"
) -> sqlpipes.Project:
    """`own`: the type of the target itself, beside which `dw` is the other one."""
    outputs = {
        "duckdb": "{type: duckdb, path: lake.duckdb}",
        "postgres": f"{{type: postgres, url: '{url}', schema: shop}}",
    }
    other = outputs["postgres" if own == "duckdb" else "duckdb"]
    (root / "sqlpipes.yml").write_text("name: shop\ndialect: duckdb\n")
    text = f"{outputs[own][:-1]}, engines: {{dw: {other}}}}}"
    (root / "profiles.yml").write_text(f"shop: {{target: dev, outputs: {{dev: {text}}}}}\n")
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(content))
    return sqlpipes.load(str(root))


TABLE = "/*\n---\nmaterialized: table\n---\n*/\n"
BASE = TABLE + "select 7 as n, 'a' as k\n"
HOME = "/*\n---\nmaterialized: table\nengine: dw\n"
CHECKS = "checks:\n  - expression: 'half / 2 = 1.75 and k == ''a'''\n"
END = "---\n*/\n"


def test_an_asset_of_a_further_engine_is_said_in_its_dialect(
    tmp_path: Path, postgres_url: str
) -> None:
    files = {
        "models/base.sql": BASE,
        "models/halves.sql": HOME
        + CHECKS
        + END
        + "from base select k, n / 2 as half group by all\n",
        "models/back.sql": TABLE + "from halves select k, [half] as halves\n",
    }
    found = project(tmp_path, files, postgres_url)
    report = sqlpipes.build(found)
    assert report.ok, [problem for step in report.failed for problem in step.problems]
    assert rows(found, "halves").rows == (("a", 3.5),)
    assert rows(found, "back").rows == (("a", [3.5]),)
    assert sqlpipes.build(sqlpipes.load(str(tmp_path))).plan.steps == ()


def test_what_a_further_engine_cannot_say_is_refused_before_anything_runs(tmp_path: Path) -> None:
    files = {
        "models/base.sql": BASE,
        "models/bad.sql": HOME + END + "select [n] as items from base\n",
        "models/fine.sql": "select [n] as items from base\n",
    }
    found = project(tmp_path, files, OFFLINE)
    told = [p for p in lint(found) if p.code.startswith("TRN")]
    assert [f"{p.code} {p.at}" for p in told] == ["TRN001 models/bad.sql:7:9"]
    assert "postgres" in told[0].message
    assert "[n]" in compiled(found, Ask(select=("fine",)))["fine"]


def test_where_the_target_speaks_another_the_further_engine_may_speak_its_own(
    tmp_path: Path, postgres_url: str
) -> None:
    files = {
        "models/lists.sql": HOME + END + "select [1, 2] as items, 7 as n\n",
        "models/halves.sql": TABLE + "from lists select n / 2 as half\n",
    }
    found = project(tmp_path, files, postgres_url, own="postgres")
    report = sqlpipes.build(found)
    assert report.ok, [problem for step in report.failed for problem in step.problems]
    assert rows(found, "halves").rows == ((3.5,),)


SOURCES = """\
    sources:
      - name: raw
        schema: shop
        tables:
          - name: clicks
            changes: {changes}
            loaded_at_field: {loaded}
            freshness: {{warn_after: {{count: 1, period: day}}}}
            columns: [{{name: id, data_type: integer}}, {{name: at, data_type: timestamp}}]
    """


def with_clicks(root: Path, url: str, changes: str, loaded: str = "at") -> sqlpipes.Project:
    files = {
        "models/sources.yml": dedent(SOURCES).format(changes=changes, loaded=loaded),
        "models/n.sql": "select count(*) as n from raw.clicks\n",
    }
    found = project(root, files, url)
    (root / "profiles.yml").write_text(
        f"shop: {{target: dev, outputs: {{dev: {{type: postgres, url: '{url}', schema: shop}}}}}}\n"
    )
    return sqlpipes.load(str(root)) if found else found


def test_how_a_change_is_seen_is_said_there(tmp_path: Path, postgres_url: str) -> None:
    import psycopg

    plain = postgres_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("create schema shop")
        connection.execute("create table shop.clicks (id int, at timestamp)")
        connection.execute("insert into shop.clicks values (7, '2024-01-05')")
        changes, loaded = (
            "'max(id // 2 + date_diff(''day'', date ''2024-01-01'', at))'",
            "'at - interval 1 day'",
        )
        found = with_clicks(tmp_path, postgres_url, changes, loaded)
        assert sqlpipes.build(found).ok
        again = sqlpipes.load(str(tmp_path))
        assert plan(again).steps == ()
        (found,) = freshness(again)
        assert found.age is not None
        assert str(found.age.newest) == "2024-01-04 00:00:00"
        connection.execute("insert into shop.clicks values (9, '2024-01-05')")
        assert sqlpipes.build(sqlpipes.load(str(tmp_path))).ok
        assert rows(again, "n").rows == ((2,),)


def test_what_a_source_cannot_say_there_is_refused(tmp_path: Path) -> None:
    found = with_clicks(tmp_path, OFFLINE, "list(id)", "'strptime(at, ''%B'')'")
    told = [p for p in lint(found) if p.code.startswith("TRN")]
    assert {p.code for p in told} == {"TRN001"}
    assert all(p.at and p.at.file == "models/sources.yml" for p in told)
    assert len(told) == 2
