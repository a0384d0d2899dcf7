"""read_project as a whole: templates, broken files, strange names, and the graph that link makes of it."""

from __future__ import annotations

import os

import pytest
from read.folders import aged, asset, model, only, places, read, write

from sqlpipes.api import load
from sqlpipes.core.asset import Kind, Scope
from sqlpipes.core.graph import link

MACROS = "{% macro cents(column) %}({{ column }} / 100){% endmacro %}"
TEMPLATE = """select {{ cents('amount') }} as amount
from {{ ref('orders') }}
{% if is_incremental() %}
where id > (select max(id) from {{ this }}) and day > '{{ var('since', '2024') }}'
  and id not in (select id from late)
{% endif %}
"""


def templates(tmp_path, **options):
    files = {
        "macros/money.sql": MACROS,
        "models/orders.sql": "select 1 as id, 2 as amount",
        "models/late.sql": "select 1 as id",
        "models/t.sql": model("materialized: incremental\nunique_key: id", TEMPLATE),
    }
    if not (tmp_path / "models").exists():
        aged(write(tmp_path, files))
    return read(tmp_path, **options)


def test_a_template_reads_what_any_rendering_reads(tmp_path):
    reading = templates(tmp_path)
    assert reading.problems == ()
    body = asset(reading, "t").body
    assert [(str(r), r.line) for r in body.references] == [
        ("orders", 8),
        ("main.t", 10),
        ("late", 11),
    ]
    rendered = body.render(Scope(this="main.t"))
    assert rendered.text.split() == [
        "select",
        "(amount",
        "/",
        "100)",
        "as",
        "amount",
        "from",
        "orders",
    ]
    graph, problems = link(reading.assets, reading.checks)
    assert problems == ()
    assert set(graph.parents("t")) == {"orders", "late"}


def test_facts_of_templates_are_kept_while_their_inputs_are_the_same(tmp_path):
    first = templates(tmp_path)
    assert first.parsed > 0
    again = templates(tmp_path)
    assert again.parsed == 0
    assert asset(again, "t") == asset(first, "t")
    rendered = asset(again, "t").body.render(Scope(this="x", incremental=True))
    assert "day > '2024'" in rendered.text


def test_vars_and_macros_move_a_template(tmp_path):
    first = asset(templates(tmp_path), "t").version
    with_var = templates(tmp_path, vars={"since": "2025"})
    assert with_var.parsed == 1
    assert asset(with_var, "t").version != first
    assert asset(templates(tmp_path), "t").version == first
    write(tmp_path, {"macros/money.sql": MACROS.replace("100", "1000")})
    assert asset(templates(tmp_path), "t").version != first


def test_the_environment_moves_a_template_and_is_not_written_down(tmp_path):
    path = (
        write(tmp_path, {"models/a.sql": "select '{{ env_var('TOKEN', '') }}' as x"})
        / "models/a.sql"
    )
    os.utime(path, (1_600_000_000, 1_600_000_000))
    plain = asset(read(tmp_path), "a").version
    one = read(tmp_path, environ={"TOKEN": "s3cr3t"})
    assert asset(one, "a").version != plain
    assert read(tmp_path, environ={"TOKEN": "s3cr3t", "OTHER": "x"}).parsed == 0
    assert "s3cr3t" not in (tmp_path / ".sqlpipes/cache/facts.json").read_text()


def test_a_template_that_fails_has_its_place_and_stands_in_the_graph(tmp_path):
    text = model("group: me", "select 1 as a,\n  {{ centz('x') }} as b")
    files = {"macros/m.sql": MACROS, "models/t.sql": text, "models/u.sql": "select * from t"}
    for _ in range(2):
        reading = read(tmp_path, files)
        problem = only(reading)
        assert (problem.at.file, problem.at.line) == ("models/t.sql", 7)
        assert "cents" in (problem.hint or "")
        assert [found.name for found in reading.assets] == ["t", "u"]


def test_faults_of_all_files_come_together(tmp_path):
    files = {
        "models/a.sql": model("ownr: me"),
        "models/b.sql": "select 1; select 2",
        "models/c.sql": b"select '\xff'",
        "models/d.sql": "",
        "models/e.sql": "/*\n---\nowner: [\n---\n*/\nselect 1",
        "models/good.sql": "select 1",
        "models/p.yml": "models:\n  - name: good\n    ownr: x\n",
    }
    reading = read(tmp_path, files)
    assert [f"{p.at.file} {p.code}" for p in reading.problems if p.at] == [
        "models/a.sql CFG001",
        "models/b.sql SQL002",
        "models/c.sql FIL002",
        "models/d.sql SQL003",
        "models/e.sql YML001",
        "models/p.yml CFG001",
    ]
    assert "good" in [found.name for found in reading.assets]
    assert "c" not in [found.name for found in reading.assets]
    assert places(reading)[2] == "models/c.sql:1:9 FIL002"


def test_two_assets_with_one_name_are_left_to_link(tmp_path):
    reading = read(tmp_path, {"models/x/a.sql": "select 1", "models/y/a.sql": "select 2"})
    assert reading.problems == ()
    assert [found.path for found in reading.assets] == ["models/x/a.sql", "models/y/a.sql"]
    _, problems = link(reading.assets, reading.checks)
    assert [problem.code for problem in problems] == ["DUP001"]


def test_hidden_folders_and_dangling_links_are_passed_by(tmp_path):
    write(tmp_path, {"models/.old/a.sql": "select 1", "models/b.sql": "select 1"})
    (tmp_path / "models" / "gone.sql").symlink_to(tmp_path / "nowhere.sql")
    (tmp_path / "models" / "loop").symlink_to(tmp_path / "models")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "c.sql").write_text("select 1")
    (tmp_path / "models" / "linked").symlink_to(tmp_path / "shared")
    assert [found.path for found in read(tmp_path).assets] == [
        "models/b.sql",
        "models/linked/c.sql",
    ]


def test_strange_names(tmp_path):
    reading = read(tmp_path, {"models/Ünï côde.sql": "select 1", "models/o'clock.sql": "select 1"})
    assert sorted(found.name for found in reading.assets) == ["o'clock", "Ünï côde"]


def test_a_folder_listed_twice_is_read_once(tmp_path):
    files = {"sqlpipes.yml": "model_paths: [models, models/x]", "models/x/a.sql": "select 1"}
    assert len(read(tmp_path, files).assets) == 1


def test_checks_inside_the_model_folder_are_not_models_twice(tmp_path):
    files = {"sqlpipes.yml": "check_paths: [models]", "models/a.sql": "select 1"}
    reading = read(tmp_path, files)
    assert (len(reading.assets), len(reading.checks)) == (1, 0)


def test_python_assets_stand_beside_the_sql(tmp_path):
    files = {
        "models/orders.sql": "select 1 as id",
        "models/scores.py": "from sqlpipes import asset\n\n\n@asset\ndef scores(orders):\n"
        '    """One row per order."""\n    return orders\n',
        "models/plain.py": "raise RuntimeError('never imported')\n",
        "models/p.yml": "models: [{name: scores, tags: [x], checks: [not_empty]}]",
    }
    reading = read(tmp_path, files)
    assert reading.problems == ()
    scores = asset(reading, "scores")
    assert (scores.kind, scores.tags) == (Kind.PYTHON, ("x",))
    assert [found.name for found in scores.checks] == ["scores.not_empty"]
    graph, problems = link(reading.assets, reading.checks)
    assert problems == ()
    assert graph.parents("scores") == ("orders",)


def test_jinja_in_property_files(tmp_path):
    files = {
        "models/a.sql": "select 1",
        "models/p.yml": "models:\n  - name: a\n    schema: \"{{ var('where') }}\"\n"
        "    owner: \"{{ env_var('WHO', 'x@y.z') }}\"\n    group: \"{{ nope() }}\"\n",
    }
    reading = read(tmp_path, files, vars={"where": "marts"})
    assert asset(reading, "a").relation.schema == "marts"
    assert asset(reading, "a").owners == ("x@y.z",)
    assert places(reading) == ["models/p.yml:5:12 TPL001"]


def test_fixtures_are_no_checks_unless_listed(tmp_path):
    files = {"tests/a.sql": "select 1 from x", "tests/fixtures/b.sql": "select 1 from x"}
    assert [found.name for found in read(tmp_path, files).checks] == ["a"]
    listed = read(tmp_path, {"sqlpipes.yml": "check_paths: [tests, tests/fixtures]"})
    assert [found.name for found in listed.checks] == ["a", "b"]


def test_checks_of_one_name_in_two_folders_are_told_with_both_places(tmp_path):
    files = {"tests/x/a.sql": "select 1 from x", "tests/y/a.sql": "select 2 from x"}
    problem = only(read(tmp_path, files))
    assert (problem.code, problem.at.file) == ("DUP004", "tests/y/a.sql")
    assert [other.file for other in problem.others] == ["tests/x/a.sql"]


TWO_CHECKS = """
from sqlpipes import asset, check

@asset
def orders(): return [{"id": 1}]

@check(asset="orders")
def fair(orders): return True
"""


def test_functions_of_one_name_are_told_and_none_is_renamed(tmp_path):
    files = {"models/a.py": TWO_CHECKS, "models/b.py": TWO_CHECKS.replace("@asset", "")}
    problem = only(read(tmp_path, files))
    assert (problem.code, str(problem.at)) == ("DUP004", "models/b.py:8:5")
    assert [str(other) for other in problem.others] == ["models/a.py:8:5"]


@pytest.mark.parametrize(
    "kind", ["@asset\ndef tw():\n    return 1\n", "@resource\nclass tw:\n    a: int = 1\n"]
)
def test_a_name_that_a_file_binds_twice_is_told(tmp_path, kind):
    text = f"from sqlpipes import asset, resource\n{kind}{kind}"
    problems = read(tmp_path, {"models/a.py": text}).problems
    assert [problem.code for problem in problems] == ["DUP005"]
    assert "line 3 is lost" in problems[0].message
    kept = text.replace(kind, f"{kind}both = [tw]\n", 1).replace("@asset", "@asset(name='x')", 1)
    assert read(tmp_path, {"models/a.py": kept}).problems == ()


def test_several_python_checks_of_one_asset_all_stay(tmp_path):
    text = """
        from sqlpipes import asset, check

        @asset
        def scores():
            return [{"x": 1}]

        @check(asset="scores")
        def one(scores):
            return True

        @check(asset="scores")
        def two(scores):
            return True
        """
    reading = read(tmp_path, {"models/s.py": text})
    assert reading.problems == ()
    assert len(reading.checks) == 2


def test_descriptions_keep_their_braces(tmp_path):
    text = """
        models:
          - name: a
            description: "{{ doc('a') }}"
            columns: [{name: x, description: "{{ doc('x') }}"}]
        """
    reading = read(tmp_path, {"models/a.sql": "select 1 as x", "models/p.yml": text})
    assert reading.problems == ()
    assert asset(reading, "a").columns[0].description == "{{ doc('x') }}"


def test_a_check_file_may_be_a_template(tmp_path):
    query = "select * from orders\nwhere day < '{{ var('since', '2024') }}'"
    reading = read(tmp_path, {"tests/late.sql": model("severity: warn", query)})
    assert reading.problems == ()
    (found,) = reading.checks
    assert found.body is not None
    assert [(str(r), r.line) for r in found.body.references] == [("orders", 6)]
    assert found.body.render(Scope()).text.endswith("day < '2024'\n")


def test_the_database_may_be_named(tmp_path):
    project = tmp_path / "shop"
    project.mkdir()
    files = {
        "models/orders.sql": "select 1 as id",
        "models/daily.sql": 'select * from shop.main.orders join "SHOP".main."Orders" o using (id)',
        "models/far.sql": "select * from lake.main.orders",
    }
    reading = read(project, files)
    graph, problems = link(reading.assets, default_catalog=reading.target.catalog)
    assert [given.name for given in graph.inputs["daily"]] == ["orders"]
    assert [str(problem.at) for problem in problems] == ["models/far.sql:1:15"]


def test_links_that_lead_in_a_circle(tmp_path):
    write(tmp_path, {"models/a.sql": "select 1"})
    os.symlink("two", tmp_path / "models/one")
    os.symlink("one", tmp_path / "models/two")
    os.symlink("../models", tmp_path / "models/again")
    os.symlink("nowhere.sql", tmp_path / "models/gone.sql")
    assert [found.name for found in read(tmp_path).assets] == ["a"]


def test_what_is_no_plain_file_is_left_alone(tmp_path):
    write(tmp_path, {"models/a.sql": "select 1", "models/b.sql/c.txt": ""})
    os.mkfifo(tmp_path / "models/pipe.sql")
    assert [found.name for found in read(tmp_path).assets] == ["a"]


def test_a_name_that_cannot_be_written_down(tmp_path):
    write(tmp_path, {"models/a.sql": "select 1", "models/Icon\r": ""})
    (tmp_path / "models" / "b\nc.sql").write_text("select 1")
    problem = only(read(tmp_path))
    assert (problem.code, problem.at.file) == ("FIL003", "models/b\\nc.sql")


def test_a_window_where_there_is_no_partition(tmp_path):
    query = "select 1 as d\nwhere d >= '{{ partition.start }}'"
    files = {
        "models/a.sql": query,
        "models/b.sql": model("partition: {by: day, column: d, start: 2024-01-01}", query),
        "models/c.sql": "select 0{% for partition in [1, 2] %}, {{ partition }}{% endfor %}",
    }
    aged(write(tmp_path, files))
    assert places(read(tmp_path)) == ["models/a.sql:2:16 PAR004"]
    again = read(tmp_path)
    assert (again.parsed, places(again)) == (0, ["models/a.sql:2:16 PAR004"])


def test_a_check_whose_template_fails_is_one_problem(tmp_path):
    files = {"models/a.sql": "select 1", "tests/t.sql": "select * from {{ ref('a') }}{{ nope }}"}
    reading = read(tmp_path, files)
    _, problems = link(reading.assets, reading.checks)
    assert (places(reading), problems) == (["tests/t.sql:1:32 JIN002"], ())


def test_a_name_spelt_wrongly(tmp_path):
    text = "anchors: [&c 1]\nmodels:\n- nmae: a\n- name: a\n  columns: [{nam: x}, {type: int}]\n"
    reading = read(tmp_path, {"models/a.sql": "select 1", "models/m.yml": text})
    assert places(reading) == [
        "models/m.yml:3:3 CFG002",
        "models/m.yml:5:14 CFG002",
        "models/m.yml:5:23 CFG002",
    ]


def test_a_password_that_is_a_default_is_not_written_down(tmp_path):
    said = "{type: postgres, host: h, password: \"{{ env_var('PW', 'canary1') }}\"}"
    url = "{type: postgres, url: \"postgresql://u:{{ env_var('PW', 'canary2') }}@h/d\"}"
    files = {
        "models/a.sql": "select 1 as x",
        "profiles.yml": f"shop: {{target: a, outputs: {{a: {said}, b: {url}}}}}\n",
    }
    write(tmp_path, files)
    for path in tmp_path.rglob("*.*"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    load(str(tmp_path), environ={})
    kept = (tmp_path / ".sqlpipes/cache/facts.json").read_text()
    assert "models/a.sql" in kept
    assert "canary" not in kept
