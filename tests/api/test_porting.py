"""A project of one dialect on a target of another: what is refused, where it is told, and what is built."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

import sqlpipes
from sqlpipes.api import Ask, compiled, lint, plan, rows
from sqlpipes.core.errors import Problem, ProjectError

OFFLINE = "postgresql://nobody@127.0.0.1:1/none"  # nobody listens there


def project(root: Path, files: dict[str, str], url: str = OFFLINE, **keys: str) -> sqlpipes.Project:
    """`keys` are those of the project file, beside its dialect."""
    said = {"name": "shop", "dialect": "duckdb", **keys}
    (root / "sqlpipes.yml").write_text("".join(f"{key}: {value}\n" for key, value in said.items()))
    (root / "profiles.yml").write_text(
        f"shop: {{target: prod, outputs: {{prod: {{type: postgres, url: '{url}', schema: shop}},"
        " dev: {type: duckdb, path: dev.duckdb}}}\n"
    )
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text))
    return sqlpipes.load(str(root))


def refusals(found: sqlpipes.Project) -> list[Problem]:
    return [problem for problem in lint(found) if problem.code.startswith("TRN")]


def places(problems: list[Problem]) -> list[str]:
    return [f"{problem.code} {problem.at}" for problem in problems]


def test_lint_tells_all_refusals_at_their_places_and_connects_to_nothing(tmp_path: Path) -> None:
    found = refusals(
        project(
            tmp_path,
            {
                "models/base.sql": "select 1 as id, 'a' as kind, 2.5::double as x\n",
                "models/bad.sql": """\
                    -- two lines that
                    -- are comments
                    select
                        base.id,
                        [base.id] as items,
                        base.kind || base.x as label,
                        my_function(base.id) as f,
                        count(*) as n
                    from base
                    positional join base as b2
                    group by all
                    """,
                "models/late.sql": "select id,\n  first(kind) as k\nfrom base group by id\n",
            },
        )
    )
    assert places(found) == [
        "TRN001 models/bad.sql:5:6",
        "TRN003 models/bad.sql:6:18",
        "TRN002 models/bad.sql:7:5",
        "TRN001 models/bad.sql:10:1",
        "TRN001 models/late.sql:2:3",
    ]
    assert all("postgres" in problem.message for problem in found)
    assert [problem.hint for problem in found][-1] == "say which one: arg_min(value, time)"
    assert found[3].at is not None
    assert found[3].at.length == len("positional")


def test_the_same_project_has_nothing_to_refuse_on_its_own_engine(tmp_path: Path) -> None:
    project(tmp_path, {"models/a.sql": "select [1, 2] as items, 7 // 2 as x group by all\n"})
    here = sqlpipes.load(str(tmp_path), target="dev")
    assert not here.graph.porters
    assert refusals(here) == []
    assert sqlpipes.build(here).ok


def test_a_build_tells_all_of_its_refusals_before_it_touches_anything(
    tmp_path: Path, postgres_url: str
) -> None:
    files = {
        "models/good.sql": "select 1 as id\n",
        "models/one.sql": "select [id] as items from good\n",
        "models/two.sql": "select id, count(*) from good group by all\n",
    }
    found = project(tmp_path, files, postgres_url)
    for refuse in (lambda: sqlpipes.build(found), lambda: plan(found)):
        with pytest.raises(ProjectError) as error:
            refuse()
        told = places(list(error.value.problems))
        assert told == ["TRN001 models/one.sql:1:9", "TRN008 models/two.sql:1:12"]
    assert sqlpipes.build(found, Ask(select=("good",))).ok
    with pytest.raises(ProjectError):
        sqlpipes.build(found)


def test_checks_and_their_conditions_are_said_there_too(tmp_path: Path, postgres_url: str) -> None:
    files = {
        "models/t.sql": """\
            /*
            ---
            checks:
              - expression: "7 / n > 3"            # in Postgres 7 / 2 is 3
              - not_null: {column: n, where: "regexp_matches(name, '^a.$')"}
              - expression: {expression: "name == 'ab'", name: is_ab}
            ---
            */
            select 2 as n, 'ab' as name
            """,
        "tests/no_rows.sql": "from t select * exclude (name) where n // 2 = 0\n",
    }
    report = sqlpipes.build(project(tmp_path, files, postgres_url))
    assert report.ok
    assert [check.failures for check in report.checks] == [0, 0, 0, 0]


def test_what_a_check_cannot_say_there_is_refused_where_it_is_written(tmp_path: Path) -> None:
    files = {
        "models/t.sql": """\
            /*
            ---
            checks:
              - expression: "len([n, 2]) = 2"
              - not_null: {column: n, where: "n::hugeint > 1"}
              - unique: [OrderId]
            ---
            */
            select 2 as n, 3 as orderid
            """,
        "tests/bad_rows.sql": "select *\nfrom t\nwhere list_contains([1], n)\n",
    }
    found = refusals(project(tmp_path, files))
    told = {(problem.code, str(problem.at)) for problem in found}
    assert ("TRN001", "models/t.sql:5:5") in told
    assert any("'n' in 'n::hugeint > 1'" in problem.message for problem in found)
    assert ("TRN011", "models/t.sql:6:14") in told
    assert any(place.startswith("tests/bad_rows.sql:3:") for _, place in told)


def test_an_error_of_the_engine_is_at_the_users_own_line(tmp_path: Path, postgres_url: str) -> None:
    files = {
        "models/base.sql": "select 1 as id, 'a' as kind\n",
        "models/late.sql": """\
            -- what comes here stands elsewhere in the translation
            select
                id,
                count(*) as n,
                max({{ 'kind' }}) + 5 as wrong
            from base
            group by all
            """,
    }
    report = sqlpipes.build(project(tmp_path, files, postgres_url))
    problem = report.failed[0].problems[0]
    assert str(problem.at) == "models/late.sql:5:23"
    assert problem.hint == (
        "it was translated from duckdb; in postgres it is: MAX(kind) + 5 AS wrong"
    )


def test_names_are_found_by_letters_of_any_case(tmp_path: Path, postgres_url: str) -> None:
    files = {
        "seeds/Orders.csv": "OrderId,Order Date\n1,2024-01-05\n2,2024-01-06\n",
        "models/a.sql": """\
            select o.ORDERID as "Id", "o"."Order Date" as day, id + 1 as next
            from Orders as O
            """,
        "models/b.sql": 'select "ID", DAY, Next from A where iD > 1\n',
    }
    found = project(tmp_path, files, postgres_url)
    assert sqlpipes.build(found).ok
    assert [row[0] for row in rows(found, "b").rows] == [2]


def test_files_are_read_beside_a_warehouse_that_reads_none(
    tmp_path: Path, postgres_url: str
) -> None:
    files = {
        "raw/a.csv": "id,kind\n1,x\n2,y\n",
        "raw/b.csv": "id,kind\n3,x\n",
        "models/sources.yml": """\
            sources:
              - name: web
                tables: [{name: visits, files: raw/*.csv}]
            """,
        "models/visits.sql": "select id, kind, [id] as ids from web.visits order by all\n",
        "models/again.sql": "select kind, count(*) as n from read_csv('raw/a.csv') group by all\n",
        "models/kinds.sql": "select kind, count(*) as n from visits group by all\n",
    }
    found = project(tmp_path, files, postgres_url)
    report = sqlpipes.build(found)
    assert report.ok, report.failed
    assert sorted(rows(found, "kinds").rows) == [("x", 2), ("y", 1)]
    assert sorted(rows(found, "again").rows) == [("x", 1), ("y", 1)]
    assert sqlpipes.build(sqlpipes.load(str(tmp_path))).plan.steps == ()
    (tmp_path / "raw/c.csv").write_text("id,kind\n4,z\n")
    assert sqlpipes.build(sqlpipes.load(str(tmp_path))).ok
    assert len(rows(found, "kinds").rows) == 3


def test_files_beside_tables_and_files_in_what_is_no_table_are_refused(tmp_path: Path) -> None:
    files = {
        "raw/a.csv": "id\n1\n",
        "models/t.sql": "select 1 as id\n",
        "models/mixed.sql": "select t.id\nfrom t\njoin read_csv('raw/a.csv') as a using (id)\n",
        "models/parted.sql": """\
            /*
            ---
            materialized: incremental
            unique_key: id
            ---
            */
            select id from read_csv('raw/a.csv')
            """,
    }
    found = [p for p in refusals(project(tmp_path, files)) if p.code == "TRN010"]
    assert places(found) == ["TRN010 models/mixed.sql:3:15", "TRN010 models/parted.sql:7:25"]


def test_hooks_are_not_translated_and_must_say_that_they_need_not_be(tmp_path: Path) -> None:
    text = "/*\n---\nafter: [{sql}]\n---\n*/\nselect 1 as id\n"
    for sql, wanted in (
        ('"analyze {{ this }}"', ["TRN009"]),
        ('"-- postgres\\nanalyze {{ this }}"', []),
        ('"-- duckdb\\nanalyze {{ this }}"', ["TRN009"]),
    ):
        found = project(tmp_path, {"models/t.sql": text.replace("{sql}", sql)})
        assert [problem.code for problem in refusals(found)] == wanted
    plain = text.replace("[{sql}]", "analyze {{ this }}")
    assert places(refusals(project(tmp_path, {"models/t.sql": plain}))) == [
        "TRN009 models/t.sql:3:8"
    ]


def test_a_pair_of_which_nothing_is_proven_is_refused_as_a_whole(tmp_path: Path) -> None:
    found = project(tmp_path, {"models/t.sql": "select 1 as id\n"}, dialect="snowflake")
    assert places(refusals(found)) == ["TRN005 sqlpipes.yml:2:1"]


def test_unchecked_takes_over_what_the_parser_makes_of_it(
    tmp_path: Path, postgres_url: str
) -> None:
    files = {"models/t.sql": "select 1 as id, list_value(1, 2) as items, 7 / 2 as half\n"}
    found = project(tmp_path, files, postgres_url, transpile="unchecked")
    assert refusals(found) == []
    text = compiled(found, Ask())["t"]
    assert "CAST(7 AS DOUBLE PRECISION) / 2 AS half" in text
    assert "ARRAY[1, 2]" in text
    with pytest.raises(ProjectError, match="checked or unchecked"):
        project(tmp_path, files, transpile="sure").raise_errors()


def test_a_template_is_said_there_for_a_first_build_and_a_later_one(
    tmp_path: Path, postgres_url: str
) -> None:
    files = {
        "models/base.sql": "select 1 as id, date '2024-01-05' as d\n",
        "models/kept.sql": """\
            /*
            ---
            materialized: incremental
            unique_key: id
            ---
            */
            select id, max(d) as d from base
            {% if is_incremental() %}
            where d > (select max(d) - interval 3 days from {{ this }})
            {% endif %}
            group by all
            """,
    }
    found = project(tmp_path, files, postgres_url)
    for _ in range(2):
        assert sqlpipes.build(found, Ask(force=True)).ok
        assert [row[0] for row in rows(found, "kept").rows] == [1]


def test_a_cte_of_a_reader_does_not_capture_what_is_inlined(
    tmp_path: Path, postgres_url: str
) -> None:
    files = {
        "models/base.sql": "select 1 as id\n",
        "models/step.sql": "/*\n---\nmaterialized: ephemeral\n---\n*/\nselect id, id + 1 as next from base\n",
        "models/t.sql": "with base as (select 7 as id) select step.next, base.id from step, base\n",
    }
    found = project(tmp_path, files, postgres_url)
    assert sqlpipes.build(found).ok
    assert rows(found, "t").rows == ((2, 7),)


def test_inline_queries_and_python_speak_the_projects_dialect(
    tmp_path: Path, postgres_url: str
) -> None:
    files = {
        "models/t.sql": "select 7 as n, 'a' as k\n",
        "models/p.py": """\
            from sqlpipes import asset

            @asset
            def halves(t, context):
                return context.sql("from t select k, n / 2 as half group by all").fetchall() and [
                    {"half": row[1]} for row in context.sql("from t select k, n / 2 as half").fetchall()
                ]
            """,
    }
    found = project(tmp_path, files, postgres_url)
    report = sqlpipes.build(found)
    assert report.ok, report.failed
    assert rows(found, "halves").rows == ((3.5,),)
    assert rows(found, inline="from t select * exclude (k), n // 2 as whole").rows == ((7, 3),)
    with pytest.raises(ProjectError, match="TRN001"):
        rows(found, inline="select [n] as items from t")


def test_what_was_translated_is_kept_until_something_that_it_reads_changes(tmp_path: Path) -> None:
    files = {
        "models/base.sql": "select 1 as a, 2 as b\n",
        "models/t.sql": "select * exclude (a) from base\n",
    }
    first = compiled(project(tmp_path, files), Ask())["t"]
    assert "base.b" in first
    assert "base.c" not in first
    files["models/base.sql"] = "select 1 as a, 2 as b, 3 as c\n"
    assert "base.c" in compiled(project(tmp_path, files), Ask())["t"]


def test_queries_within_checks_are_said_there_with_the_tables_that_they_read(
    tmp_path: Path, postgres_url: str
) -> None:
    files = {
        "models/base.sql": "select 1 as k, 7 as n union all select 2, 9\n",
        "models/t.sql": """\
            /*
            ---
            schema: marts
            materialized: table
            checks:
              - expression: "n / 2 <= (select sum(base.n) / 2 from base where base.k >= t.k)"
              - expression: "n in (from base select n)"
            ---
            */
            select k, n from base
            """,
    }
    assert sqlpipes.build(project(tmp_path, files, postgres_url)).ok
    bad = files["models/t.sql"].replace("sum(base.n)", "list(base.n)")
    (problem,) = refusals(project(tmp_path, {**files, "models/t.sql": bad}))
    assert "'list' in 'n / 2 <= (select list(base.n) / 2 from base" in problem.message


def test_words_of_duckdb_on_postgres_are_told_how_they_are_translated(
    tmp_path: Path, postgres_url: str
) -> None:
    text = "select kind, count(*) as n\nfrom (select 'a' as kind) as t\ngroup by all\n"
    found = project(tmp_path, {"models/t.sql": text}, postgres_url, dialect="postgres")
    (problem,) = [p for e in sqlpipes.build(found).events for p in getattr(e, "problems", ())]
    assert problem.code == "ENG004"
    assert 'dialect = "duckdb"' in (problem.hint or "")
    wrong = text.replace("group by all", "group by kinds")
    found = project(tmp_path, {"models/t.sql": wrong}, postgres_url, dialect="postgres")
    (problem,) = [p for e in sqlpipes.build(found).events for p in getattr(e, "problems", ())]
    assert "duckdb" not in (problem.hint or "")


def test_what_is_nested_too_deeply_for_the_translation_is_refused_alone(tmp_path: Path) -> None:
    deep = "select 1 as a\n" + "union all select 1 as a\n" * 1500
    found = project(tmp_path, {"models/deep.sql": deep, "models/t.sql": "select [1] as l\n"})
    assert [(p.code, p.at and p.at.file) for p in refusals(found)] == [
        ("TRN007", "models/deep.sql"),
        ("TRN001", "models/t.sql"),
    ]


def test_unit_tests_of_models_of_another_dialect_say_what_they_do_not_find(tmp_path: Path) -> None:
    tests = "unit_tests: [{name: one, model: t, given: [], expect: {rows: [{a: 3}]}}]\n"
    files = {"models/t.sql": "select 7 / 2 as a\n", "models/t.yml": tests}
    (said,) = [
        p for p in project(tmp_path, files, dialect="postgres").problems if p.code == "UTS012"
    ]
    assert "'t' is written for postgres" in said.message
    assert str(said.at).startswith("models/t.yml:1:")
    assert not [p for p in project(tmp_path, files).problems if p.code == "UTS012"]
