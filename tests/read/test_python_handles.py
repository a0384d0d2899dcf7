"""Where a function's context goes, and the SQL that is found there: in helpers, classes and checks."""

from __future__ import annotations

import textwrap

import pytest
from read.folders import ground_of, write

from sqlpipes.core.config import Target
from sqlpipes.read.file_inputs import covers, meets
from sqlpipes.read.python import PythonFile, read_python

TARGET = Target("dev", "duckdb")


def read(root, text: str, **others: str) -> PythonFile:
    files = {f"models/{name}.py": textwrap.dedent(other) for name, other in others.items()}
    write(root, {"models/m.py": textwrap.dedent(text), **files})
    path = root / "models" / "m.py"
    return read_python(str(path), ground_of(root))


HEAD = "from sqlpipes import asset, check, op\n"


@pytest.mark.parametrize(
    "text",
    [
        "def load(ctx): return ctx.sql('select * from orders')\n@asset\ndef a(context): return load(context)",
        "def load(day, *, ctx): return ctx.sql('from orders')\n"
        "@asset\ndef a(context): return load(1, ctx=context)",
        "def inner(c): return c.sql('from orders')\ndef load(x): return inner(x)\n"
        "@asset\ndef a(context): return load(context)",
        "@op\ndef load(ctx): return ctx.sql('from orders')\n@asset\ndef a(context): return load(context)",
        "@asset\ndef a(context):\n    c = context\n    return c.sql('from orders')",
        "@asset\ndef a(context):\n    def load(c): return c.sql('from orders')\n    return load(context)",
        "@asset\ndef a(context):\n    def load(): return context.sql('from orders')\n    return load()",
        "class Loader:\n    def __init__(self, ctx): self.ctx = ctx\n"
        "    def run(self): return self.ctx.sql('from orders')\n"
        "@asset\ndef a(context): return Loader(context).run()",
        "class Loader:\n    def run(self, ctx): return ctx.sql('from orders')\n"
        "@asset\ndef a(context):\n    loader = Loader()\n    return loader.run(context)",
        "from loading import load\n@asset\ndef a(context): return load(context)",
        "import loading\n@asset\ndef a(context): return loading.load(context)",
        "import loading as l\n@asset\ndef a(context): return l.load(ctx=context)",
        "from loading import Loads\n@asset\ndef a(context): return Loads(context)",
    ],
)
def test_sql_is_found_wherever_the_project_takes_the_context(tmp_path, text):
    loading = """
        def load(ctx): return ctx.sql("select * from orders")
        class Loads:
            def __init__(self, ctx): self.rows = ctx.sql("select * from orders")
    """
    found = read(tmp_path, HEAD + text, loading=loading)
    assert found.problems == ()
    assert [d.name for d in found.assets[0].depends_on] == ["orders"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("return json.dumps(context)", "the context goes to json.dumps(), where its SQL"),
        ("return list(map(load, [context]))", "the context is kept where its SQL"),
        ("run = context.sql\n    return run('from orders')", "the context is kept where"),
        ("return [context]", "the context is kept where"),
        ("return partial(load, context)", "the context goes to partial()"),
        ("return unknown(context)", "the context goes to unknown()"),
        ("return load(*[context])", "the context is kept where"),
    ],
)
def test_a_context_that_is_lost_is_told(tmp_path, line, said):
    text = f"""\
import json
from functools import partial
from sqlpipes import asset
def load(ctx): return ctx.sql("from orders")
@asset{{}}
def a(context):
    {line}
"""
    problems = read(tmp_path, text.format("")).problems
    assert [p.code for p in problems] == ["PYT004"]
    assert said in problems[0].message
    assert problems[0].at.line >= 7
    assert read(tmp_path, text.format("(deps=[])")).problems == ()


@pytest.mark.parametrize(
    "line",
    [
        "print(context)",
        "return context is None",
        "return f'{context}'",
        "context.log_metadata(n=1)",
        "return repr(context), isinstance(context, object)",
        "return context.partition.start",
    ],
)
def test_what_reads_nothing_needs_no_deps(tmp_path, line):
    found = read(tmp_path, f"{HEAD}@asset\ndef a(context):\n    {line}\n")
    assert found.problems == ()


def test_the_sql_of_a_check_is_what_it_reads(tmp_path):
    text = """
    from sqlpipes import check

    @check(asset="orders")
    def adds_up(context):
        return context.sql("select * from orders join payments using (id) join raw.other using (id)")

    @check(asset="orders", deps=["customers"])
    def computed(context, name="x"):
        return context.sql("select * from " + name)

    @check(asset="orders")
    def unseen(context, name="x"):
        return context.sql("select * from " + name)
    """
    found = read(tmp_path, text)
    first, second, _ = found.checks
    assert [table.name for table in first.tables] == ["orders", "payments", "raw.other"]
    assert second.inputs == ("customers",)
    assert [(p.code, p.at.line) for p in found.problems] == [("PYT004", 14)]


def test_paths_that_are_written_and_read(tmp_path):
    text = """
    from sqlpipes import File, asset
    HERE = "output/c.csv"

    @asset
    def one(context) -> File:
        return context.file("output/a.csv")

    @asset
    def many(context) -> File:
        return context.file(f"output/{context.partition.key}/b.csv")

    @asset
    def named(context) -> File:
        return context.file(HERE)

    @asset
    def own(): return File("output/d.csv")

    @asset(path="output/e.csv")
    def said(context): return context.file()

    @asset
    def reads(context):
        context.path("output/a.csv")
        return context.sql(f"from read_csv('raw/{context.vars}/*.csv')")
    """
    found = {asset.name: asset for asset in read(tmp_path, text).assets}
    written = {name: asset.body.written for name, asset in found.items()}
    assert written == {
        "one": ("output/a.csv",),
        "many": ("output/*/b.csv",),
        "named": ("output/c.csv",),
        "own": ("output/d.csv",),
        "said": ("output/e.csv",),
        "reads": (),
    }
    body = found["reads"].body
    assert [each.name for each in body.files] == ["raw/*/*.csv"]
    assert [each.name for each in body.paths] == ["output/a.csv"]


@pytest.mark.parametrize(
    ("pattern", "written", "may", "all_of_it"),
    [
        ("/p/a.csv", "/p/a.csv", True, True),
        ("/p/a.csv", "/p/b.csv", False, False),
        ("/p/*.csv", "/p/a.csv", True, False),
        ("/p/*.csv", "/p/x/a.csv", False, False),
        ("/p/**/*.csv", "/p/x/a.csv", True, False),
        ("/p/[ab].csv", "/p/a.csv", True, False),
        ("/p/[!ab].csv", "/p/a.csv", False, False),
        ("/p/a.csv", "/p/*.csv", True, False),
        ("/p/x*.csv", "/p/*.csv", True, False),
        ("/p/*.csv", "/p/*.csv", True, True),
        ("/p/lake/*.parquet", "/p/lake/", True, True),
        ("/p/lake/**/x.parquet", "/p/lake/", True, True),
        ("/p/**/x.parquet", "/p/lake/", True, False),
        ("/p/lake2/x.parquet", "/p/lake/", False, False),
        ("/p/lake", "/p/lake/", True, False),
        ("/p/a.b+c.csv", "/p/a.b+c.csv", True, True),
    ],
)
def test_which_patterns_find_what_is_written(pattern, written, may, all_of_it):
    assert meets(pattern, written) is may
    assert covers(written, pattern) is all_of_it
