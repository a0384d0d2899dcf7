"""Templates render what they should, and whatever is wrong stands at its place in the user's file."""

import subprocess
import sys
import threading

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.asset import Scope
from sqlpipes.core.config import Target
from sqlpipes.core.errors import ProjectError
from sqlpipes.read.jinja import load_macros, make_template
from sqlpipes.read.queries import is_template

TARGET = Target("dev", "duckdb", "analytics")


def template(text, *, macros=(), first_line=1, dialect="duckdb", target=TARGET, **values):
    return make_template(
        text,
        file="models/m.sql",
        first_line=first_line,
        dialect=dialect,
        vars=values.get("vars", {}),
        environ=values.get("environ", {}),
        macros=load_macros(macros),
        target=target,
    )


def rendered(text, scope=None, **options):
    return template(text, **options).trace(scope or Scope()).text


def fault(text, scope=None, **options):
    with pytest.raises(ProjectError) as caught:
        template(text, **options).render(scope or Scope())
    assert len(caught.value.problems) == 1
    return caught.value.problems[0]


def place(problem):
    return (problem.at.file, problem.at.line, problem.at.column, problem.at.length)


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("select {{ x }}", True),
        ("{% if x %}{% endif %}", True),
        ("select 1 {# no #}", True),
        ("select {'a': {'b': 1}}", False),
        ("select '{' || '%'", False),
    ],
)
def test_what_is_a_template(text, yes):
    assert is_template(text) is yes


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("{{ var('a') }}", {"vars": {"a": 3}}, "3"),
        ("{{ var('a', 'b') }}", {}, "b"),
        ("{{ var('a', none) is none }}", {}, "True"),
        ("{{ var('a').b[1] }}", {"vars": {"a": {"b": [1, 2]}}}, "2"),
        ("{{ env_var('HOME') }}{{ env_var('X', 'y') }}", {"environ": {"HOME": "/h"}}, "/hy"),
        ("{{ target.name }} {{ target.schema }} {{ target.type }}", {}, "dev analytics duckdb"),
        ("{{ ref('orders') }} {{ ref('pkg', 'orders') }}", {}, "orders orders"),
        ("{{ source('raw', 'my orders') }}", {}, 'raw."my orders"'),
        ("{{ source('raw', 'my orders') }}", {"dialect": "spark"}, "raw.`my orders`"),
        ("{{ partition.start }}", {}, "0001-01-01"),
        ("{% raw %}{{ x }}{% endraw %}", {}, "{{ x }}"),
        ("{% do [].append(1) %}a{% for i in [1, 2] %}{% break %}{% endfor %}", {}, "a"),
        ("a\r\nb\n", {}, "a\nb\n"),
        ("{{ 'x' if is_incremental() else 'y' }}", {}, "y"),
    ],
)
def test_what_templates_can_name(text, options, expected):
    assert rendered(text, **options) == expected


def test_the_scope_reaches_the_template():
    scope = Scope('"main"."m"', True, False, "2024-01-01", "2024-01-02", "2024-01-01")
    text = "{{ this }} {{ is_incremental() }} {{ partition.start }} {{ partition.end }} {{ partition.key }}"
    assert rendered(text, scope) == '"main"."m" True 2024-01-01 2024-01-02 2024-01-01'
    assert rendered("{{ is_incremental() }}", Scope(incremental=True, full_refresh=True)) == "False"


def test_the_key_of_several_slices_is_an_error():
    found = fault("select\n '{{ partition.key }}'", Scope(start="2024-01-01", end="2024-01-03"))
    assert found.code == "JIN008"
    assert place(found)[1:3] == (2, 6)


def test_a_var_that_a_template_changes_is_changed_for_nobody_else():
    vars = {"days": [1, 2]}
    text = "{% set d = var('days') %}{% do d.append(3) %}{{ d | length }}"
    made = template(text, vars=vars)
    assert [made.trace(Scope()).text for _ in range(2)] == ["3", "3"]
    assert vars == {"days": [1, 2]}


def test_used_names_are_told():
    made = template("{{ env_var('E', 2) }}{% if false %}{{ env_var('F') }}{% endif %}")
    made.render(Scope())
    assert made.used_environ == {"E"}


def test_what_a_template_mentions_is_known_through_its_macros():
    macros = [("macros/m.sql", "{% macro since() %}{{ partition.start }}{% endmacro %}")]
    assert template("{{ since() }}", macros=macros).uses_partition
    assert not template("{{ 1 }}", macros=macros).uses_partition


MACROS = [
    ("macros/a.sql", "{# doc #}\n{% macro outer(n) %}\n  {{ inner(n) }}\n{% endmacro %}"),
    ("macros/b.sql", "{% macro inner(n) %}\n\n {{ var('rate') * 2 / n }}{% endmacro %}"),
]


def test_macros_call_each_other_across_files_and_see_the_projects_values():
    assert rendered("x {{ outer(2) }}", macros=MACROS, vars={"rate": 3}).split() == ["x", "3.0"]


@pytest.mark.parametrize(
    ("text", "code", "line", "column", "length", "hint"),
    [
        ("select\n  {{ vra('x') }}", "JIN002", 11, 6, 3, "did you mean 'var'?"),
        ("select {{ 1 + 2 * fo }}", "JIN002", 10, 19, 2, None),
        ("a\n{{ var(\n  'day') }}", "JIN003", 12, 4, 3, "did you mean 'days'?"),
        ("{{ var('days') }}{{ var('day') }}", "JIN003", 10, 26, 3, "did you mean 'days'?"),
        ("\n\n{{ env_var('PAHT') }}", "JIN004", 12, 13, 4, "did you mean 'PATH'?"),
        ("{{ target.shema }}", "JIN002", 10, 11, 5, "did you mean 'schema'?"),
        ("{{ 'x' | uper }}", "JIN002", 10, 10, 4, "did you mean 'upper'?"),
        ("{{ 1 is evn }}", "JIN002", 10, 9, 3, "did you mean 'even'?"),
        ("a\n {{ 1 / 0 }}", "JIN005", 11, 5, 1, None),
        ("a\n {{ 1 + 'x' }}", "JIN005", 11, 5, 1, None),
        ("a\n{% if x %}\nb", "JIN001", 11, 1, 2, "add {% endif %}"),
        ("{% for i in [1] %}{% if i %}{% endfor %}", "JIN001", 10, 32, 6, None),
        ("{% set q %}\nx", "JIN001", 10, 1, 2, "add {% endset %}"),
        ("{% set q = 1 %}{% for i in q %}", "JIN001", 10, 16, 2, "add {% endfor %}"),
        ("a\nb {{ (1 }} c", "JIN001", 11, 9, 1, None),
        ("a\n  {# open", "JIN001", 11, 3, 1, None),
        ("a\n  {% raw %} open", "JIN001", 11, 3, 1, None),
        ("a {{ 'open }}", "JIN001", 10, 6, 1, None),
        ("a\n{% endif %}", "JIN001", 11, 4, 5, None),
        ("a\n{% esle %}", "JIN001", 11, 4, 4, "did you mean 'else'?"),
        ("a\n{% snapshot x %}", "JIN007", 11, 4, 8, "materialized: snapshot"),
        ("a\n{{ config(materialized='view') }}", "JIN007", 11, 4, 6, "put it in the front matter"),
        ("a\n{{ log('x') }}", "JIN007", 11, 4, 3, "templates print nothing"),
        ("{{ run_started_at }}", "JIN007", 10, 4, 14, "change the SQL at every run"),
        ("{% include 'x.sql' %}", "JIN007", 10, 4, 1, "macros/"),
        ("{{ ''.__class__ }}", "JIN005", 10, 4, 1, None),
        ("\n{{ exceptions.raise_compiler_error('no') }}", "JIN009", 11, 4, 10, None),
        ("{% macro m(n) %}{{ m(n) }}{% endmacro %}{{ m(1) }}", "JIN005", 10, 20, 1, None),
        ("{% set x = nope + 1 %}", "JIN002", 10, 12, 4, None),
        ("{{ is_incremental }}", "JIN005", 10, 4, 1, None),
        ("{% macro m(a) %}\n{{ a }}{% endmacro %}{{ m() }}", "JIN005", 11, 4, 1, None),
        ("é {{ 'ü' }} {{ nope }}", "JIN002", 10, 16, 4, None),
    ],
)
def test_a_fault_stands_where_the_user_wrote_it(text, code, line, column, length, hint):
    values = {"vars": {"days": 1}, "environ": {"PATH": "x"}}
    found = fault(text, first_line=10, **values)
    assert (found.code, *place(found)) == (code, "models/m.sql", line, column, length)
    if hint:
        assert hint in found.hint


def test_no_message_speaks_of_jinja_s_own_lines():
    found = fault("\n\n\nselect {{ ('a' if false) + 'b' }}")
    assert "line" not in found.message.replace("inline", "")
    assert place(found)[1:3] == (4, 11)


def test_a_fault_in_a_macro_names_the_macro_and_who_called_it():
    found = fault("select\n  {{ outer(0) }}", macros=MACROS, vars={"rate": 3})
    assert place(found)[:3] == ("macros/b.sql", 3, 5)
    assert [str(at) for at in found.others] == ["macros/a.sql:3:6", "models/m.sql:2:6"]
    missing = fault("select {{ outer(0) }}", macros=MACROS)
    assert place(missing) == ("macros/b.sql", 3, 10, 4)


def test_macros_of_one_name_and_broken_macro_files_are_told_together():
    files = [
        ("macros/a.sql", "{% macro m() %}{% endmacro %}"),
        ("macros/b.sql", "\n{% macro m() %}{% endmacro %}{% macro ref() %}{% endmacro %}"),
        ("macros/c.sql", "\n\n{% macro %}"),
    ]
    macros = load_macros(files)
    assert [str(p.at) for p in macros.problems] == [
        "macros/b.sql:2:10",
        "macros/b.sql:2:39",
        "macros/c.sql:3:10",
    ]
    with pytest.raises(ProjectError) as caught:
        template("{{ 1 }}", macros=files).render(Scope())
    assert len(caught.value.problems) == 3


def test_the_digest_of_macros_moves_with_any_of_them():
    assert load_macros(MACROS).digest == load_macros(MACROS[::-1]).digest
    assert load_macros(MACROS).digest != load_macros(MACROS[:1]).digest


BLOCKS = """select
  1, {{ var('a') }}, tail5
{%- for i in [1, 2] -%}
  , c{{ i }} as at7
  {%- endfor %}
{% if true -%}
   at10
{%- endif %}
{% set q %}
  hidden
{% endset %}
{% macro local(n) %}
  many
  lines {{ n }}
{% endmacro %}
before {{ local(1) }} at19
{{ q }}
{# a comment
   of two lines #} at22
{% call wrap() %}
  inside
{% endcall %} at25
{% filter upper %}
  loud
{% endfilter %}
{% raw %}
{{ at30 }}
{% endraw %}
{% block b %}
  at33
{% endblock %}
{% for x in [[1, [2]]] recursive %}
  deep
{% endfor %}
{{ lines() }}from
  ordes -- at39"""


def test_every_rendered_line_knows_its_own():
    macros = [
        ("macros/w.sql", "{% macro wrap() %}\nx {{ caller() }}\n\n\n{% endmacro %}"),
        ("macros/l.sql", "{% macro lines() %}\n1\n2\n3\n\n{% endmacro %}"),
    ]
    made = template(BLOCKS, macros=macros, vars={"a": "v"}, first_line=4)
    trace = made.trace(Scope())
    lines = trace.text.split("\n")
    checked = 0
    for number, line in enumerate(lines, 1):
        for word in line.split():
            if word.startswith("at") and word[2:].isdigit():
                at = trace.place(number, line.index(word) + 1, len(word))
                source = BLOCKS.split("\n")[at.line - 4]
                assert source[at.column - 1 :].startswith(word)
                checked += 1
    assert checked == 8

    def written_for(line):
        number = lines.index(line) + 1
        return BLOCKS.split("\n")[trace.line_of(number) - 4]

    assert written_for("from") == "{{ lines() }}from"
    assert written_for("3") == "{{ lines() }}from"
    assert written_for("  LOUD") == "{% filter upper %}"
    assert written_for("  many") == "before {{ local(1) }} at19"
    assert written_for("  hidden") == "{{ q }}"
    assert written_for("x ") == "{% call wrap() %}"


PIECES = st.lists(
    st.sampled_from(
        [
            "L# ",
            "L#\n",
            "{{ 1 }} L#",
            "{{ two() }}",
            "{%- if true %} L#\n {% endif -%}\n",
            "{% for i in [1,2] %}\n L#{{ i }} L#\n{% endfor %}",
            "{%- for i in [1,2] -%} L#, {%- endfor -%} ",
            "{# c\n c #}",
            "{% set x %}\nskip\n{% endset %}",
            "{% macro m() %}\nskip\n{% endmacro %}{{ m() }}\n",
            "{{ 'a'\n ~ 'b' }}",
            "{% filter lower %}\nskip\n{% endfilter %}",
            "{% raw %}{{ L# }}\n{% endraw %}",
            "\n\n",
            "é L#\r\n",
        ]
    ),
    max_size=12,
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 < 2 <= 3", "True"),
        ("'abcd'[1:3]", "bc"),
        ("'abcd'[::2]", "ac"),
        ("'a' if 1 in [1, 2] else 'b'", "a"),
        ("'a' if false", ""),
        ("not 1 is even", "True"),
        ("{'a': 1}['a'] ~ (1, 2)[0] ~ -1 ** 2", "111"),
        ("[3, 1] | sort(reverse=true) | join(sep)", "3, 1"),
        ("range(3) | map('string') | list | length", "3"),
        ("dict(a=1, **{'b': 2}) | length", "2"),
        ("namespace(x=1).x", "1"),
        ("none", "None"),
        ("'' ", ""),
    ],
)
@pytest.mark.parametrize(
    "around", ["L {{ # }} L", "{% macro m() %}L {{ # }} L{% endmacro %}{{ m() }}"]
)
def test_every_kind_of_expression_keeps_its_meaning_and_its_place(expression, expected, around):
    text = "{% set sep = ', ' %}\n" + around.replace("#", expression)
    trace = template(text).trace(Scope())
    assert trace.text == f"\nL {expected} L"
    at = trace.locate(3) if expected else trace.locate(1)
    assert at.line == 2


@settings(deadline=None, max_examples=150)
@given(PIECES)
def test_own_text_is_always_traced_to_its_own_letters(pieces):
    text = "".join(piece.replace("L#", f"L{i}.") for i, piece in enumerate(pieces))
    made = template(text, macros=[("macros/t.sql", "{% macro two() %}\na\nb\n{% endmacro %}")])
    trace = made.trace(Scope())
    source = text.replace("\r\n", "\n")
    for position, letter in enumerate(trace.text):
        if letter == "L":
            word = trace.text[position : trace.text.index(".", position) + 1]
            at = trace.locate(position)
            line = source.split("\n")[at.line - 1]
            assert line[at.column - 1 :].startswith(word)


def test_references_have_offsets_of_the_sql_and_lines_of_the_file():
    text = "{% set t = 'orders' %}\nselect {{ var('c') }}\nfrom {{ t }} o join\n customers c using (id)"
    made = template(text, vars={"c": "a,\n\n b"}, first_line=7)
    found = made.render(Scope())
    named = {str(r): (found.text[r.start : r.end], r.line, r.column) for r in found.references}
    assert named == {"orders": ("orders", 9, 9), "customers": ("customers", 10, 2)}


def test_facts_place_the_problems_of_the_sql_in_the_file():
    made = template("{% if true %}\nselect {{ 1 }}\n  from (\n{% endif %}", first_line=3)
    problems = made.facts(Scope()).problems
    assert problems
    assert all(3 <= p.at.line <= 6 and p.at.file == "models/m.sql" for p in problems)


def test_a_rendered_template_runs():
    text = """{% macro cents(c) %}({{ c }} / 100)::decimal(16, 2){% endmacro %}
select {{ cents('amount') }} as amount
from (values (150), (200)) t(amount)
where amount {{ '>' if var('large') else '<' }} 160"""
    sql = template(text, vars={"large": True}).render(Scope()).text
    assert duckdb.sql(sql).fetchall()[0][0] == 2


def test_threads_render_one_template_without_meeting():
    made = template("{% for i in range(200) %}{{ partition.start }}\n{% endfor %}")
    wrong = []

    def work(day):
        expected = f"2024-01-{day:02}\n" * 200
        for _ in range(5):
            trace = made.trace(Scope(start=f"2024-01-{day:02}", end="2024-02-01"))
            if trace.text != expected or {trace.line_of(n) for n in (1, 50, 200)} != {1}:
                wrong.append(day)

    threads = [threading.Thread(target=work, args=(day,)) for day in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_the_door_does_not_import_jinja():
    code = (
        "import sys; from sqlpipes.read.jinja import *; load_macros([('a', '{{')]);"
        "sys.exit('jinja2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
