"""Components: a class with typed fields and a YAML file that fills them -> assets, checks, sources."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import pytest
from read.folders import aged, asset, check, only, places, read

FEED = """
    from sqlpipes import Definitions, asset, check, component, sql_asset

    @component
    class Feed:
        '''A table of numbers.'''

        name: str  # of the table
        rows: int = 3
        owner: str | None = None
        tags: list[str] = []
        select: str = ""

        def build(self, context):
            @asset(name=self.name, owner=self.owner, tags=self.tags, checks=[{"unique": "n"}])
            def table():
                '''Numbers.'''
                return [{"n": i} for i in range(self.rows)]

            @check(asset=self.name)
            def has_rows():
                return True

            found = [table]
            if self.select:
                found.append(sql_asset(f"{self.name}_more", self.select, description="More."))
            return Definitions(assets=found, checks=[has_rows])
"""


def names(reading):
    return sorted(each.name for each in reading.assets)


def feed(yaml, **more):
    return {"models/feeds.py": FEED, "models/feeds.yml": yaml, **more}


def test_a_yaml_file_fills_the_fields_of_a_class_of_the_project(tmp_path):
    yaml = "type: Feed\nattributes: {name: numbers, rows: 4, owner: me@x.com, tags: [a]}\n"
    reading = read(tmp_path, feed(yaml))
    assert reading.problems == ()
    found = asset(reading, "numbers")
    assert (found.description, found.owners, found.tags) == ("Numbers.", ("me@x.com",), ("a",))
    assert (found.path, found.at.line, found.at.column) == ("models/feeds.yml", 1, 7)
    assert found.body.load()() == [{"n": n} for n in range(4)]
    assert [each.name for each in found.checks] == ["numbers.unique.n", "numbers.has_rows"]
    assert check(reading, "numbers.has_rows").function.load()() is True


def test_a_file_holds_several_components_as_documents_or_as_a_list(tmp_path):
    several = "type: Feed\nattributes: {name: a}\n---\ntype: Feed\nattributes: {name: b}\n"
    listed = (
        "components:\n- type: feeds.Feed\n  attributes: {name: c}\n"
        "- type: models.feeds.Feed\n  attributes: {name: d}\nmodels:\n- name: c\n  group: g\n"
    )
    reading = read(tmp_path, feed(several, **{"models/more.yml": listed}))
    assert reading.problems == ()
    assert names(reading) == ["a", "b", "c", "d"]
    assert asset(reading, "b").at.line == 4
    assert asset(reading, "c").group == "g"


def test_sql_of_a_component_is_read_as_a_model_is_and_stands_where_the_yaml_has_it(tmp_path):
    yaml = """
    type: Feed
    attributes:
      name: numbers
      select: |
        select n,  -- a number
          n * 2 as m
        from numbers
        join wrong using (n)
    """
    reading = read(tmp_path, feed(yaml))
    found = asset(reading, "numbers_more")
    assert [r.parts[-1] for r in found.body.references] == ["numbers", "wrong"]
    wrong = found.body.references[1]
    assert (found.path, wrong.line, wrong.column) == ("models/feeds.yml", 9, 10)
    assert found.description == "More."
    assert [(c.name, c.description) for c in found.columns] == [("n", "a number")]


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        (
            "{nme: a}",
            ["2:14 CMP002 Feed has no attribute 'nme' did you mean 'name'?", "1:7 CMP003"],
        ),
        ("{name: 7}", ["2:20 CMP004 'name' must be a text put it in quotes: '7'"]),
        ("{name: a, rows: many}", ["2:29 CMP004 'rows' must be a whole number"]),
        ("{name: a, tags: [b, 1]}", ["2:33 CMP004 'tags[1]' must be a text"]),
        (
            "{name: a, tags: b}",
            ["2:29 CMP004 'tags' must be a list of texts put it in brackets: [b]"],
        ),
        ("[name]", ["2:13 CMP004 'attributes' must be a mapping"]),
        ("{name: '{{ env_var(\"NOPE\") }}'}", ["2:20 TPL001 the environment variable NOPE"]),
        ("{}", ["1:7 CMP003 Feed needs the attribute 'name' of the table: a text"]),
    ],
)
def test_what_is_wrong_with_attributes_is_told_at_their_place(tmp_path, attributes, said):
    reading = read(tmp_path, feed(f"type: Feed\nattributes: {attributes}\n"))
    found = [
        f"{p.at.line}:{p.at.column} {p.code} {p.message} {p.hint or ''}" for p in reading.problems
    ]
    assert len(found) == len(said)
    assert all(each.startswith(start) for each, start in zip(found, said, strict=True)), found


def test_an_unknown_type_and_an_unknown_key_are_named_with_the_nearest(tmp_path):
    yaml = "type: Fed\n---\ntype: Feed\natributes: {name: a}\n---\ntype: 3\n"
    reading = read(tmp_path, feed(yaml))
    assert [(str(p.at), p.code, p.hint) for p in reading.problems][:2] == [
        ("models/feeds.yml:1:7", "CMP001", "did you mean 'Feed'?"),
        ("models/feeds.yml:4:1", "CMP002", "did you mean 'attributes'?"),
    ]
    assert "models/feeds.yml:6:7 CMP001" in places(reading)


def test_two_classes_of_one_name_are_told_apart_by_their_file(tmp_path):
    files = feed("type: Feed\nattributes: {name: a}\n", **{"models/other.py": FEED})
    problem = only(read(tmp_path, files))
    assert problem.code == "CMP001"
    assert "feeds.Feed or other.Feed" in problem.hint
    assert [at.file for at in problem.others] == ["models/feeds.py", "models/other.py"]
    read(tmp_path, {"models/feeds.yml": "type: other.Feed\nattributes: {name: a}\n"})
    assert read(tmp_path).problems == ()


def test_overrides_change_what_was_made(tmp_path):
    yaml = """
    type: Feed
    attributes: {name: numbers, owner: me@x.com, tags: [a], select: select n from numbers}
    overrides:
      numbers: {owner: you@x.com, description: Other., tags: [b], checks: [not_empty]}
      "numbers_*": {materialized: table, description: Pattern.}
    """
    reading = read(tmp_path, feed(yaml))
    assert reading.problems == ()
    first, second = asset(reading, "numbers"), asset(reading, "numbers_more")
    assert (first.owners, first.description, first.tags) == (("you@x.com",), "Other.", ("a", "b"))
    assert [each.type for each in first.checks] == ["unique", "row_count", "python"]
    assert (second.materialized, second.description) == ("table", "Pattern.")


def test_overrides_leave_out_what_is_not_enabled_with_its_checks(tmp_path):
    yaml = """
    type: Feed
    attributes: {name: numbers, select: select 1 as n}
    overrides: {numbers: {enabled: false}}
    """
    reading = read(tmp_path, feed(yaml))
    assert names(reading) == ["numbers_more"]
    assert reading.checks == ()


def test_overrides_of_nothing_and_of_unknown_keys_are_named(tmp_path):
    yaml = """
    type: Feed
    attributes: {name: numbers}
    overrides:
      numbrs: {owner: me@x.com}
      numbers: {ownr: me@x.com}
      "x_*": {owner: me@x.com}
    """
    reading = read(tmp_path, feed(yaml))
    assert sorted((p.code, p.at.line, p.hint) for p in reading.problems) == [
        ("CFG001", 6, "did you mean 'owner'?"),
        ("CMP007", 5, "did you mean 'numbers'?"),
        ("CMP007", 7, "it makes numbers"),
    ]


def test_a_build_that_raises_is_told_at_the_users_line_with_the_entry(tmp_path):
    code = """
    from sqlpipes import component

    @component
    class Broken:
        def build(self, context):
            return [1 / 0]
    """
    problem = only(read(tmp_path, {"models/b.py": code, "models/b.yml": "type: Broken\n"}))
    assert (problem.code, str(problem.at)) == ("CMP005", "models/b.py:7:17")
    assert [str(at) for at in problem.others] == ["models/b.yml:1:7"]


@pytest.mark.parametrize("given", ["None", "3", "[3]", "'text'"])
def test_a_build_that_declares_nothing_is_refused(tmp_path, given):
    code = f"""
    from sqlpipes import component

    @component
    class Broken:
        def build(self, context):
            return {given}
    """
    problem = only(read(tmp_path, {"models/b.py": code, "models/b.yml": "type: Broken\n"}))
    assert (problem.code, str(problem.at)) == ("CMP006", "models/b.yml:1:7")


def test_three_ingests_in_python_and_as_one_component_file_are_one_graph(tmp_path):
    by_hand = """
    from sqlpipes import asset, check

    def numbers(n):
        return [{"n": i} for i in range(n)]

    @asset(description="Numbers.", tags=["in"], checks=[{"unique": "n"}])
    def first():
        return numbers(1)

    @asset(description="Numbers.", tags=["in"], checks=[{"unique": "n"}])
    def second():
        return numbers(2)

    @asset(description="Numbers.", tags=["in"], checks=[{"unique": "n"}])
    def third():
        return numbers(3)
    """
    component = """
    from sqlpipes import asset, component

    @component
    class Ingests:
        tables: dict[str, int]

        def build(self, context):
            for name, rows in self.tables.items():
                yield ingest(name, rows)

    def ingest(name, rows):
        @asset(name=name, tags=["in"], checks=[{"unique": "n"}])
        def table():
            '''Numbers.'''
            return [{"n": i} for i in range(rows)]

        return table
    """
    yaml = "type: Ingests\nattributes: {tables: {first: 1, second: 2, third: 3}}\n"
    joined = {"models/all.sql": "select n from first join second using (n) join third using (n)"}
    one = read(tmp_path / "one", {"models/a.py": by_hand, **joined})
    two = read(tmp_path / "two", {"models/a.py": component, "models/a.yml": yaml, **joined})
    assert one.problems == two.problems == ()
    assert graph_of(one) == graph_of(two)
    rows = [asset(two, name).body.load()() for name in ("first", "second", "third")]
    assert rows == [asset(one, name).body.load()() for name in ("first", "second", "third")]


def graph_of(reading):
    from sqlpipes.core.graph import link

    graph, problems = link(reading.assets, reading.checks, dialect="duckdb", default_schema="main")
    assert not problems
    return {
        name: (
            each.description,
            each.tags,
            each.owners,
            each.materialized,
            graph.parents(name),
            [(c.name, c.type, dict(c.arguments)) for c in graph.gate(name)],
        )
        for name, each in graph.assets.items()
    }


def test_a_changed_field_makes_only_those_stale_that_hang_on_it(tmp_path):
    code = """
    from sqlpipes import asset, component

    @component
    class Two:
        rows: int
        words: list[str] = []

        def build(self, context):
            return [number(self.rows), words("w", list(self.words))]

    def number(rows):
        @asset(name="numbers")
        def table():
            return [{"n": rows}]
        return table

    def words(name, found):
        @asset(name=name)
        def table():
            return [{"w": word} for word in found]
        return table
    """
    yaml = "type: Two\nattributes: {rows: 1, words: [a]}\n"
    before = read(tmp_path, {"models/t.py": code, "models/t.yml": yaml})
    after = read(tmp_path, {"models/t.yml": yaml.replace("[a]", "[b]")})
    assert asset(before, "numbers").version == asset(after, "numbers").version
    assert asset(before, "w").version != asset(after, "w").version


def test_a_function_that_holds_the_component_hangs_on_all_of_its_fields(tmp_path):
    before = read(tmp_path, feed("type: Feed\nattributes: {name: numbers}\n"))
    after = read(tmp_path, feed("type: Feed\nattributes: {name: numbers, rows: 4}\n"))
    assert asset(before, "numbers").version != asset(after, "numbers").version


LOOKS = """
    from sqlpipes import asset, component

    @component
    class Looks:
        pattern: str

        def build(self, context):
            for path in context.glob(self.pattern):
                yield table(path.split("/")[-1], context.read(path))
            yield table("who_" + (context.env("WHO") or "nobody"), context.target)

    def table(name, text):
        @asset(name=name, description=text)
        def rows():
            return [{"n": 1}]
        return rows
"""


def test_what_a_component_looks_at_is_remembered(tmp_path):
    yaml = "type: Looks\nattributes: {pattern: raw/*}\n"
    files = {"models/l.py": LOOKS, "models/l.yml": yaml, "raw/a": "one"}
    read(tmp_path, files)
    aged(tmp_path)
    read(tmp_path)
    assert read(tmp_path).parsed == 0
    assert names(read(tmp_path, {"raw/b": "two"})) == ["a", "b", "who_nobody"]
    assert asset(read(tmp_path, {"raw/b": "three"}), "b").description == "three"
    assert "who_me" in names(read(tmp_path, environ={"WHO": "me"}))
    (tmp_path / "raw/a").unlink()
    assert names(read(tmp_path)) == ["b", "who_nobody"]


def test_what_a_build_may_hang_on_unseen_is_asked_each_time(tmp_path):
    code = """
    import os
    from sqlpipes import asset, component

    @component
    class Unseen:
        def build(self, context):
            for name in sorted(os.listdir(context.path("raw"))):
                yield table(name)

    def table(name):
        @asset(name=name)
        def rows():
            return [{"n": 1}]
        return rows
    """
    files = {"models/u.py": code, "models/u.yml": "type: Unseen\n", "raw/a": ""}
    assert names(read(tmp_path, files)) == ["a"]
    assert names(read(tmp_path, {"raw/b": ""})) == ["a", "b"]


def test_a_class_of_another_file_that_changes_is_built_again(tmp_path):
    files = feed(
        "type: Feed\nattributes: {name: numbers}\n",
        **{"models/base.py": "ROWS = 3\n"},
    )
    files["models/feeds.py"] = FEED.replace(
        "from sqlpipes import Def", "from models.base import ROWS\n    from sqlpipes import Def"
    ).replace("rows: int = 3", "rows: int = ROWS")
    assert len(asset(read(tmp_path, files), "numbers").body.load()()) == 3
    changed = read(tmp_path, {"models/base.py": "ROWS = 5\n"})
    assert len(asset(changed, "numbers").body.load()()) == 5


def test_a_value_of_the_environment_is_never_kept(tmp_path):
    secret = "hunter2-is-no-password"
    yaml = """
    type: Feed
    attributes:
      name: numbers
      select: "select '{{ env_var('PASSWORD') }}' as p from numbers"
    """
    reading = read(tmp_path, feed(yaml), environ={"PASSWORD": secret})
    assert reading.problems == ()
    assert secret in asset(reading, "numbers_more").body.text
    kept = [path for path in (tmp_path / ".sqlpipes").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if secret in path.read_text(encoding="utf-8")]


def test_a_warm_reading_imports_neither_the_class_nor_msgspec(tmp_path):
    read(tmp_path, feed("type: Feed\nattributes: {name: numbers, select: select n from numbers}\n"))
    aged(tmp_path)
    read(tmp_path)
    code = (
        "import sys\nfrom sqlpipes.read import read_project\n"
        f"found = read_project({str(tmp_path)!r}, environ={{}})\n"
        "assert found.parsed == 0, found.parsed\nassert len(found.assets) == 2\n"
        "print([m for m in ('msgspec', 'models.feeds', 'sqlglot', 'jinja2') if m in sys.modules])"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_a_dataclass_and_a_struct_are_components_too(tmp_path):
    code = """
    from dataclasses import dataclass
    import msgspec
    from sqlpipes import component, sql_asset

    class Inner(msgspec.Struct):
        name: str

    @component
    @dataclass
    class One:
        name: str
        def build(self, context):
            return sql_asset(self.name, "select 1 as n")

    @component(name="other")
    class Two(msgspec.Struct):
        one: str
        inner: list[Inner] = []
        def build(self, context):
            return [One(self.one), *(One(each.name) for each in self.inner)]
    """
    yaml = "type: other\nattributes: {one: a, inner: [{name: b}]}\n---\ntype: One\nattributes: {name: c}\n"
    reading = read(tmp_path, {"models/c.py": code, "models/c.yml": yaml})
    assert (reading.problems, names(reading)) == ((), ["a", "b", "c"])
    wrong = read(
        tmp_path, {"models/c.yml": "type: other\nattributes: {one: a, inner: [{nam: b}]}\n"}
    )
    assert places(wrong) == ["models/c.yml:2:31 CMP002", "models/c.yml:2:30 CMP003"]


def test_a_sql_asset_in_a_python_file_is_a_model(tmp_path):
    code = '''
    from sqlpipes import Daily, sql_asset

    sql_asset("ignored", "select 1")
    orders = sql_asset("orders", "select 1 as id, date '2024-01-01' as d", materialized="table",
                       partition=Daily("d", start="2024-01-01"), checks=[{"unique": "id"}])
    wrong = sql_asset("wrong", """
        select id
        from ordrs
    """, ownr="me")
    told = sql_asset("told", "select '{{ who }}' as w", names={"who": "me"})
    '''
    reading = read(tmp_path, {"models/o.py": code})
    assert names(reading) == ["orders", "told", "wrong"]
    problem = only(reading)
    assert (problem.code, str(problem.at)) == ("CFG001", "models/o.py:10:6")
    orders = asset(reading, "orders")
    assert (orders.materialized, orders.partition.column) == ("table", "d")
    reference = asset(reading, "wrong").body.references[0]
    assert (reference.line, reference.column) == (9, 10)
    from sqlpipes.core.asset import Scope

    assert asset(reading, "told").body.render(Scope()).text == "select 'me' as w"


def test_a_sql_asset_may_stand_in_a_file_that_is_read_anew(tmp_path):
    code = "from sqlpipes import sql_asset\na = sql_asset('a', path='sql/a.sql', tags=['x'])\n"
    text = "/*\n---\ndescription: Said there.\n---\n*/\nselect n from nums\n"
    reading = read(tmp_path, {"models/a.py": code, "sql/a.sql": text})
    found = asset(reading, "a")
    assert (found.description, found.tags, found.path) == ("Said there.", ("x",), "sql/a.sql")
    assert (found.body.references[0].line, found.body.references[0].column) == (6, 15)
    again = read(tmp_path, {"sql/a.sql": "select n from other"})
    assert asset(again, "a").body.references[0].parts == ("other",)
    gone = only(read(tmp_path, {"models/a.py": code.replace("a.sql", "b.sql")}))
    assert (gone.code, str(gone.at), gone.hint) == (
        "CMP010",
        "models/a.py:2:25",
        "did you mean 'sql/a.sql'?",
    )


LOOPED = """
    from sqlpipes import asset, check, component

    @component
    class Feed:
        names: list[str]

        def build(self, context):
            {body}
"""


@pytest.mark.parametrize(
    ("body", "late"),
    [
        ("for n in self.names: yield asset(name=n)(rows_of(n))", None),
        ("for n in self.names:\n@asset(name=n)\ndef rows(): return [{'n': n}]\nyield rows", "n"),
        (
            "for i, n in enumerate(self.names):\nkey = n\n@asset(name=n)\n"
            "def rows(): return [{'n': [key for _ in 'a']}]\nyield rows",
            "key",
        ),
        (
            "for n in self.names:\n@check(asset=n)\ndef sound(): return bool(n)\nyield sound",
            "n",
        ),
        (
            "for n in self.names:\n@asset(name=n)\ndef rows(): n = 1; return [{'n': n}]\nyield rows",
            None,
        ),
    ],
)
def test_functions_of_a_loop_that_share_its_last_value_are_refused(tmp_path, body, late):
    lines = body.split("\n")
    said = [lines[0], *(f"    {line}" for line in lines[1:])]
    text = textwrap.dedent(LOOPED).replace("{body}", ("\n" + " " * 8).join(said))
    text += "\ndef rows_of(n):\n    def rows(): return [{'n': n}]\n    return rows\n"
    files = {"models/f.py": text, "models/f.yml": "type: Feed\nattributes: {names: [a, b]}\n"}
    problems = [p for p in read(tmp_path, files).problems if p.code != "CHK003"]
    assert [p.code for p in problems if p.code == "CMP008"] == (["CMP008"] if late else []), (
        problems
    )
    if late:
        found = next(p for p in problems if p.code == "CMP008")
        assert f"the last '{late}'" in found.message
        assert found.at.file == "models/f.py"
        line = text.splitlines()[found.at.line - 1]
        assert line[: found.at.column - 1].endswith("def ")


def test_a_function_that_is_given_the_value_is_made_in_a_loop(tmp_path):
    text = """
    from sqlpipes import asset, component

    @component
    class Feed:
        names: list[str]

        def build(self, context):
            for name in self.names:
                yield self.made(name)

        def made(self, name):
            @asset(name=name)
            def rows():
                return [{"n": name}]
            return rows
    """
    files = {"models/f.py": text, "models/f.yml": "type: Feed\nattributes: {names: [a, b]}\n"}
    reading = read(tmp_path, files)
    assert reading.problems == ()
    assert [asset(reading, n).body.load()() for n in "ab"] == [[{"n": "a"}], [{"n": "b"}]]


def test_a_file_that_makes_assets_in_a_loop_is_told_the_same(tmp_path):
    text = (
        "from sqlpipes import Definitions, asset\nfound = []\nfor n in ('a', 'b'):\n"
        "    @asset(name=n)\n    def rows():\n        return [{'n': n}]\n    found.append(rows)\n"
        "all_of_them = Definitions(assets=found)\n"
    )
    assert places(read(tmp_path, {"models/f.py": text})) == ["models/f.py:5:9 PYT005"]


@pytest.mark.parametrize(
    ("yaml", "said"),
    [
        ("attributes: {name: 'a b'}", "2:20 CMP009 'a b' cannot be the name of an asset"),
        ("attributes: {name: 1a}", "2:20 CMP009 '1a' cannot be the name of an asset"),
        ("attributes: {name: a, owner: '{% if 1 %}x{% endif %}'}", "2:30 TPL001 {% %} is not"),
        ("attributes: {name: a, owner: \"{{ env_var('A' }}\"}", "2:30 TPL001 {{ env_var('A' }}"),
        ("attributes: {name: a}\noverrides: {a: {name: g}}", "3:17 CMP007 an override does not"),
        ("attributes: {name: a}\nenabled: \"{{ nope('x') }}\"", "3:10 TPL001 nope() is not known"),
    ],
)
def test_what_is_wrong_with_an_entry_is_told_at_its_place(tmp_path, yaml, said):
    found = [
        f"{p.at.line}:{p.at.column} {p.code} {p.message}"
        for p in read(tmp_path, feed(f"type: Feed\n{yaml}\n")).problems
    ]
    assert [each for each in found if each.startswith(said)], found


@pytest.mark.parametrize(
    ("enabled", "there"),
    [
        ("\"{{ var('on', true) }}\"", True),
        ("\"{{ var('on', false) }}\"", False),
        ("\"{{ target.name == 'prod' }}\"", False),
        ("\"{{ target.name != 'prod' }}\"", True),
    ],
)
def test_enabled_takes_a_template(tmp_path, enabled, there):
    whole = f"type: Feed\nattributes: {{name: a}}\nenabled: {enabled}\n"
    reading = read(tmp_path, feed(whole))
    assert (reading.problems, names(reading)) == ((), ["a"] if there else [])
    one = f"type: Feed\nattributes: {{name: a}}\noverrides: {{a: {{enabled: {enabled}}}}}\n"
    reading = read(tmp_path, feed(one))
    assert (reading.problems, names(reading)) == ((), ["a"] if there else [])


FAULTY = """
    from sqlpipes import FieldError, component

    @component
    class Feed:
        names: list[str] = []
        deep: dict[str, list[int]] = {}

        def __post_init__(self):
            if self.names == ["x"]:
                raise FieldError("names/0", "x is no name", hint="say y")

        def build(self, context):
            raise FieldError("deep/a/1" if self.deep else "names", "that is wrong")
"""


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ("{names: [x]}", ("2:22", "x is no name", "say y")),
        ("{names: [z]}", ("2:21", "that is wrong", None)),
        ("{deep: {a: [1, 2]}}", ("2:28", "that is wrong", None)),
        ("{deep: {b: [1, 2]}}", ("2:20", "that is wrong", None)),
        ("{}", ("1:7", "that is wrong", None)),
    ],
)
def test_a_class_says_which_attribute_is_wrong(tmp_path, attributes, said):
    files = {"models/f.py": FAULTY, "models/f.yml": f"type: Feed\nattributes: {attributes}\n"}
    problem = only(read(tmp_path, files))
    found = (f"{problem.at.line}:{problem.at.column}", problem.message, problem.hint)
    assert (problem.code, *found) == ("CMP004", *said)


def test_a_secret_is_a_field_and_never_shown(tmp_path):
    text = """
    from sqlpipes import Secret, asset, component

    @component
    class Feed:
        token: Secret = Secret("")
        more: dict[str, Secret] = {}

        def build(self, context):
            @asset(name="a")
            def rows():
                return [{"n": self.token.get() + self.more["x"].get()}]
            return rows
    """
    yaml = "type: Feed\nattributes: {token: \"{{ env_var('T') }}\", more: {x: \"{{ env_var('U') }}\"}}\n"
    files = {"models/f.py": text, "models/f.yml": yaml}
    reading = read(tmp_path, files, environ={"T": "sesame", "U": "open"})
    assert reading.problems == ()
    assert asset(reading, "a").body.load()() == [{"n": "sesameopen"}]
    again = read(tmp_path, environ={"T": "other1", "U": "open"})
    assert asset(again, "a").version == asset(reading, "a").version  # says who asks, not for what
    wrong = read(tmp_path, {"models/f.yml": "type: Feed\nattributes: {token: [1]}\n"})
    assert only(wrong).message == "'token' must be a secret text"
