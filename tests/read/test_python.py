"""User modules: what is found in them, what moves a version, and that imports leave nothing behind."""

import json
import pickle
import subprocess
import sys
import textwrap
import threading

import duckdb
import pytest
from read.folders import ground_of

from sqlpipes.core.asset import Kind, Materialized
from sqlpipes.core.config import ProjectConfig, Target
from sqlpipes.core.definitions import Execution
from sqlpipes.core.errors import Severity
from sqlpipes.core.graph import link
from sqlpipes.core.partitions import Grain, TimeAxis
from sqlpipes.core.reads import Mapped, Reads
from sqlpipes.read.python import read_python

TARGET = Target("dev", "duckdb")


def write(root, path, text):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(textwrap.dedent(text), encoding="utf-8")
    return str(file)


def read(root, path="models/m.py", text=None, *, config=None, target=TARGET):
    file = str(root / path) if text is None else write(root, path, text)
    found = read_python(file, ground_of(root, config, target))
    return list(found.assets), list(found.checks), list(found.problems)


def one(root, text, **options):
    assets, _, problems = read(root, text=text, **options)
    assert problems == []
    assert len(assets) == 1
    return assets[0]


def only_problem(root, text, path="models/m.py"):
    assets, checks, problems = read(root, path, text)
    assert (assets, checks, len(problems)) == ([], [], 1)
    return problems[0]


BASIC = '''\
from sqlpipes import Daily, asset

@asset(
    partition=Daily("day", start="2024-01-01", lookback=2),
    owner="ml@acme.com",
    tags=["ml"],
    deps=["rates"],
    checks=[{"not_null": ["day", "id"]}],
    inputs={"stg_orders": "same"},
    meta={"tier": 1},
)
def forecast(stg_orders, context, alpha=0.1, *, customers):
    """One row per day.

    And more.
    """
    return [{"rows": stg_orders}]
'''


def test_a_function_says_nearly_everything_itself(tmp_path):
    found = one(tmp_path, BASIC)
    assert (found.name, found.kind, found.materialized) == (
        "forecast",
        Kind.PYTHON,
        Materialized.TABLE,
    )
    assert (str(found.at), found.at.length, found.path) == ("models/m.py:12:5", 8, "models/m.py")
    assert found.description == "One row per day.\n\nAnd more."
    assert (found.owners, found.tags, found.meta) == (("ml@acme.com",), ("ml",), {"tier": 1})
    assert (str(found.relation), found.fqn) == ("main.forecast", ("shop", "forecast"))
    assert found.mappings == {"stg_orders": Reads(Mapped.SAME, declared=True)}
    assert found.partition is not None
    assert (found.partition.axis, found.partition.start, found.partition.lookback) == (
        TimeAxis(Grain.DAY),
        19723,
        2,
    )
    assert (found.body.parameters, found.body.takes_context) == (("stg_orders", "customers"), True)
    assert [(d.name, str(d.at), d.at.length) for d in found.depends_on] == [
        ("stg_orders", "models/m.py:12:14", 10),
        ("customers", "models/m.py:12:49", 9),
        ("rates", "models/m.py:7:11", 7),
    ]
    assert [(c.name, str(c.at)) for c in found.checks] == [
        ("forecast.not_null.day", "models/m.py:8:15"),
        ("forecast.not_null.id", "models/m.py:8:15"),
    ]


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ("@asset\ndef a():", Materialized.TABLE),
        ("@asset\ndef a() -> File:", Materialized.FILE),
        ("@asset\ndef a() -> 'File':", Materialized.FILE),
        ("@asset\ndef a() -> sqlpipes.File | None:", Materialized.FILE),
        ("@asset\ndef a() -> None:", Materialized.NONE),
        ("@asset()\ndef a() -> list[dict]:", Materialized.TABLE),
        ("@asset(materialized='file')\ndef a():", Materialized.FILE),
        ("@asset(materialized='table')\ndef a() -> None:", Materialized.TABLE),
        ("@sqlpipes.asset\ndef a() -> None:", Materialized.NONE),
    ],
)
@pytest.mark.parametrize("first", ["", "from __future__ import annotations\n"])
def test_what_it_becomes(tmp_path, first, head, kind):
    text = f"{first}import sqlpipes\nfrom sqlpipes import File, asset\n{head}\n    return None\n"
    found = one(tmp_path, text)
    assert found.materialized is kind
    assert (found.relation is None) == (kind is not Materialized.TABLE)


def test_schemas_and_folder_defaults(tmp_path):
    text = "from sqlpipes import asset\n@asset(schema='marts')\ndef a(): ...\n@asset\ndef b(): ..."
    target = Target("dev", "duckdb", schema="me", schema_prefix="dev_")
    a, b = read(tmp_path, text=text, target=target)[0]
    assert (str(a.relation), str(b.relation)) == ("dev_marts.a", "me.b")
    config = ProjectConfig(
        "shop", defaults={"models": {"schema": "x", "tags": ["t"], "owner": "o@x.y"}}
    )
    a, b = read(tmp_path, target=target, config=config)[0]
    assert (str(a.relation), str(b.relation)) == ("dev_marts.a", "dev_x.b")
    assert (b.tags, b.owners) == (("t",), ("o@x.y",))


def test_a_loaded_function_runs_on_real_relations(tmp_path):
    text = """
    from sqlpipes import asset

    @asset
    def totals(orders, context):
        context.log_metadata(seen=len(orders.fetchall()))
        return context.sql("select sum(amount) as total from orders").fetchall()
    """
    function = one(tmp_path, text).body.load()
    connection = duckdb.connect()
    connection.execute("create table orders as select * from (values (1), (2)) t(amount)")
    context = Execution("totals", sql=connection.sql)
    assert function(orders=connection.table("orders"), context=context) == [(3,)]
    assert context.metadata == {"seen": 2}


def test_a_parameter_that_is_no_asset_is_placed_by_link(tmp_path):
    text = "from sqlpipes import asset\n@asset\ndef orders(): ...\n@asset\ndef b(ordes): ...\n"
    assets, checks, _ = read(tmp_path, text=text)
    _, problems = link(assets, checks)
    assert [str(p.at) for p in problems] == ["models/m.py:5:7"]
    assert "orders" in (problems[0].hint or "")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("return File('x')", Materialized.FILE),
        ("if x: return sqlpipes.File('x')\n    return File('y')", Materialized.FILE),
        ("def inner(): return 1\n    return File(inner())", Materialized.FILE),
        ("if x: return [1]\n    return File('y')", Materialized.TABLE),
        ("yield 1\n    return File('y')", Materialized.TABLE),
        ("return", Materialized.TABLE),
    ],
)
def test_a_function_that_returns_only_files_needs_no_annotation(tmp_path, body, kind):
    text = f"import sqlpipes\nfrom sqlpipes import File, asset\n@asset\ndef a(x):\n    {body}\n"
    assert one(tmp_path, text).materialized is kind


def test_inputs_by_either_name_of_the_option(tmp_path):
    text = "from sqlpipes import asset\n@asset(depends_on=['x'], deps=('y', 'x'))\ndef a(): ...\n"
    found = one(tmp_path, text)
    assert [(d.name, str(d.at)) for d in found.depends_on] == [
        ("y", "models/m.py:2:32"),
        ("x", "models/m.py:2:37"),
    ]


# Faults in the user's code


@pytest.mark.parametrize(
    ("text", "place", "said", "hint"),
    [
        ("import sqlpipes\n\nx = 1 + len(5)\n", "models/m.py:3:9", "TypeError", None),
        ("import sqlpipes\nimport no_such_thing.x\n", "models/m.py:2:1", "no_such", "install"),
        ("import sqlpipes\ndef f(:\n", "models/m.py:2:7", "SyntaxError", None),
        ("import sqlpipes\nif 1:\nx = 1\n", "models/m.py:3:1", "IndentationError", None),
        ("import sys\nsys.exit(3)\n", "models/m.py:2:1", "SystemExit", None),
        ("x = '\0'\n", "models/m.py:1:1", "SyntaxError", None),
        (
            "from sqlpipes import asset\n@asset(onwer='x')\ndef f(): ...\n",
            "models/m.py:2:2",
            "onwer",
            "did you mean 'owner'?",
        ),
        (
            "from sqlpipes import Daily\n\nd = Daily('x', start='2024-01-01', lokback=3)",
            "models/m.py:3:5",
            "lokback",
            "did you mean 'lookback'?",
        ),
        (
            "from sqlpipes import Weekly\nd = Weekly('x', start='2024-05-01')",
            "models/m.py:2:5",
            "2024-04-29",
            None,
        ),
        ("é = 'ü'; x = 1 / 0\n", "models/m.py:1:14", "ZeroDivisionError", None),
    ],
)
def test_a_module_that_cannot_be_imported_says_where(tmp_path, text, place, said, hint):
    found = only_problem(tmp_path, text)
    assert (found.code, str(found.at)) == ("PYT001", place)
    assert said in found.message
    if hint:
        assert hint in (found.hint or "")


def test_the_place_is_in_the_project_s_own_module_when_that_raises(tmp_path):
    write(tmp_path, "lib/rates.py", "import json\n\ndef load():\n    return json.loads('{')\n")
    found = only_problem(tmp_path, "import sqlpipes\nfrom lib.rates import load\nload()\n")
    assert str(found.at) == "lib/rates.py:4:12"
    write(tmp_path, "lib/rates.py", "def load(:\n")
    assert str(only_problem(tmp_path, "from lib.rates import load\n").at).startswith(
        "lib/rates.py:1"
    )


def test_functions_that_cannot_be_called_by_name_are_told_all_at_once(tmp_path):
    text = """\
    from sqlpipes import asset
    @asset
    async def a(): ...
    @asset
    def b(x, /): ...
    @asset
    def c(*args, **kwargs): ...
    """
    assets, _, problems = read(tmp_path, text=text)
    assert [(p.code, str(p.at)) for p in problems] == [
        ("PYT002", "models/m.py:3:11"),
        ("PYT002", "models/m.py:5:5"),
    ]
    assert [a.name for a in assets] == ["c"]


def test_an_unknown_check_is_placed_inside_the_decorator(tmp_path):
    text = """\
    from sqlpipes import asset
    @asset(checks=[
        {"uniqe": "id"},
        {"accepted_values": {"column": "a", "vals": [1]}},
    ])
    def a(): ...
    """
    _, _, problems = read(tmp_path, text=text)
    assert [p.code for p in problems] == ["CHK001", "CHK003"]
    assert [p.at.line for p in problems] == [3, 4]


# Checks


def test_checks_in_python(tmp_path):
    text = """\
    from sqlpipes import asset, check

    @asset
    def orders(): ...

    @check(asset=orders, severity="warn", tags=["nightly"])
    def fine(orders, customers, context):
        \"\"\"Each has a customer.\"\"\"
        return orders == customers

    @check(asset="orders")
    def also(orders):
        return 0
    """
    assets, (fine, also), problems = read(tmp_path, text=text)
    assert problems == []
    assert (fine.name, fine.asset, fine.type) == ("orders.fine", "orders", "python")
    assert (fine.severity, also.severity) == (Severity.WARNING, Severity.ERROR)
    assert (fine.inputs, fine.tags, fine.description) == (
        ("customers",),
        ("nightly",),
        "Each has a customer.",
    )
    assert str(fine.at) == "models/m.py:7:5"
    assert fine.function is not None
    assert fine.function.parameters == ("orders", "customers")
    assert fine.function.takes_context
    assert fine.function.load()(1, 1, None) is True
    assert fine.arguments != also.arguments
    changed = text.replace("return orders == customers", "return orders != customers")
    _, (newer, still), _ = read(tmp_path, text=changed)
    assert newer.arguments != fine.arguments
    assert still.arguments == also.arguments
    assert assets[0].version == read(tmp_path)[0][0].version


# Versions


VERSIONED = '''\
"""Module."""
from sqlpipes import asset
from lib.rates import RATE

SCALE = 2

def helper(x):
    """Helps."""
    return x * SCALE * RATE

@asset(owner="a@b.c")
def first(orders):
    """First."""
    # how
    return helper(orders)

@asset
def second(first):
    return first
'''


def versions(root, text=None):
    assets, _, problems = read(root, text=text)
    assert problems == []
    return {asset.name: asset.version for asset in assets}


@pytest.mark.parametrize(
    ("old", "new", "moved"),
    [
        ("    # how\n", "\n\n", set()),
        ('"""First."""', '"""Another text."""', set()),
        ('"""Helps."""', '"""Does."""', set()),
        ('"""Module."""\n', "", set()),
        ('owner="a@b.c"', 'owner="x@y.z", tags=["t"]', set()),
        ("return helper(orders)", "return helper( orders )  # same", set()),
        ("return helper(orders)", "return helper(orders) + 1", {"first"}),
        ("return first", "return [first]", {"second"}),
        ("SCALE = 2", "SCALE = 3", {"first"}),
        ("x * SCALE", "SCALE - x", {"first"}),
        ('owner="a@b.c"', 'schema="marts"', {"first"}),
        ('owner="a@b.c"', 'materialized="none"', {"first"}),
        ("def second(first):\n    return first", "def second(x):\n    return first(x)", {"second"}),
    ],
)
def test_what_moves_a_version(tmp_path, old, new, moved):
    write(tmp_path, "lib/rates.py", "RATE = 1\n")
    before = versions(tmp_path, VERSIONED)
    assert old in VERSIONED
    after = versions(tmp_path, VERSIONED.replace(old, new))
    assert {name for name in before if before[name] != after[name]} == moved


def test_an_asset_that_calls_another_one_moves_with_it(tmp_path):
    write(tmp_path, "lib/rates.py", "RATE = 1\n")
    text = VERSIONED.replace(
        "def second(first):\n    return first", "def second():\n    return first(1)"
    )
    before = versions(tmp_path, text)
    after = versions(tmp_path, text.replace("helper(orders)", "helper(orders) + 1"))
    assert before["second"] != after["second"]


def test_the_project_s_modules_move_a_version_however_far_away(tmp_path):
    write(tmp_path, "lib/rates.py", "from . import deep\nRATE = deep.RATE\n")
    write(tmp_path, "lib/deep.py", "RATE = 1\n")
    before = versions(tmp_path, VERSIONED)
    write(tmp_path, "lib/deep.py", "# a comment\nRATE   =  1\n")
    assert versions(tmp_path) == before
    write(tmp_path, "lib/deep.py", "RATE = 2\n")
    after = versions(tmp_path)
    assert before["first"] != after["first"]
    assert before["second"] != after["second"]
    write(tmp_path, "lib/other.py", "X = 1\n")
    assert versions(tmp_path) == after


def test_a_checkout_of_the_tool_is_no_part_of_the_project(tmp_path):
    write(tmp_path, "sqlpipes/__init__.py", "raise RuntimeError('not this one')\n")
    before = versions(tmp_path, "from sqlpipes import asset\n@asset\ndef a(): ...\n")
    write(tmp_path, "sqlpipes/__init__.py", "x = 1\n")
    assert versions(tmp_path) == before


def test_functions_of_one_factory_are_told_apart(tmp_path):
    text = """\
    from sqlpipes import asset
    from lib.make import make
    assets = [make(region, 1) for region in ("eu", "us")]
    """
    make = """\
    from sqlpipes import asset
    def make(region, scale):
        @asset(name=f"orders_{region}")
        def orders():
            return region * scale
        return orders
    """
    write(tmp_path, "lib/make.py", make)
    eu, us = read(tmp_path, text=text)[0]
    assert (eu.name, us.name) == ("orders_eu", "orders_us")
    assert eu.version != us.version
    assert (eu.body.load()(), us.body.load()()) == ("eu", "us")
    assert str(eu.at) == "lib/make.py:4:9"
    write(tmp_path, "lib/make.py", make.replace("region * scale", "region + 'x'"))
    assert read(tmp_path)[0][0].version != eu.version


def test_an_asset_imported_from_another_file_belongs_to_that_file(tmp_path):
    write(tmp_path, "models/a.py", "from sqlpipes import asset\n@asset\ndef a():\n    return 1\n")
    found = one(
        tmp_path, "from sqlpipes import asset\nfrom a import a\n@asset\ndef b():\n    return a()\n"
    )
    assert found.name == "b"
    assert found.body.load()() == 1


# Imports


def test_an_edit_is_seen_at_once_even_when_size_and_second_are_the_same(tmp_path):
    write(tmp_path, "lib/rates.py", "RATE = 1\n")
    text = "from sqlpipes import asset\nfrom lib import rates\n@asset\ndef a():\n    return rates.RATE\n"
    body = one(tmp_path, text).body
    for rate in (2, 3, 4):
        assert body.load()() == rate - 1
        write(tmp_path, "lib/rates.py", f"RATE = {rate}\n")
        assert body.load()() == rate
    write(tmp_path, "models/m.py", text.replace("rates.RATE", "'edit'"))
    assert body.load()() == "edit"


def test_a_module_runs_once_however_often_it_is_loaded(tmp_path):
    text = """\
    from sqlpipes import asset
    from lib.count import seen
    seen.append(1)
    @asset
    def a(): return len(seen)
    @asset
    def b(): return len(seen)
    """
    write(tmp_path, "lib/count.py", "seen = []\n")
    a, b = read(tmp_path, text=text)[0]
    assert (a.body.load()(), b.body.load()(), a.body.load()()) == (1, 1, 1)


def test_two_projects_of_the_same_names_never_meet(tmp_path):
    text = """\
    from sqlpipes import asset
    import helpers
    from lib.rates import RATE

    @asset
    def a():
        from lib.late import LATE
        return helpers.NAME, RATE, LATE
    """
    bodies = {}
    for name in ("one", "two"):
        root = tmp_path / name
        write(root, "models/helpers.py", f"NAME = {name!r}\n")
        write(root, "lib/rates.py", f"RATE = {name!r}\n")
        write(root, "lib/late.py", f"LATE = {name!r}\n")
        bodies[name] = one(root, text).body
    loaded = {name: body.load() for name, body in bodies.items()}
    for name in ("one", "two", "one", "one", "two"):
        assert loaded[name]() == (name, name, name)
        assert bodies[name].load()() == (name, name, name)


def test_the_process_keeps_its_own_modules_and_paths(tmp_path, monkeypatch):
    outside = tmp_path / "outside"
    write(outside, "helpers_of_test.py", "NAME = 'process'\n")
    monkeypatch.syspath_prepend(str(outside))
    import helpers_of_test

    root = tmp_path / "project"
    write(root, "models/helpers_of_test.py", "NAME = 'project'\n")
    paths, finders = list(sys.path), list(sys.meta_path)
    text = """\
    from sqlpipes import asset
    import helpers_of_test
    @asset
    def a():
        import helpers_of_test as late
        return helpers_of_test.NAME, late.NAME
    """
    function = one(root, text).body.load()
    assert function() == ("project", "project")
    assert sys.modules["helpers_of_test"] is helpers_of_test
    assert helpers_of_test.NAME == "process"
    assert (sys.path, sys.meta_path) == (paths, finders)


def test_the_process_gets_its_modules_back_after_the_last_thread(tmp_path, monkeypatch):
    outside, root = tmp_path / "outside", tmp_path / "project"
    write(outside, "shared_name.py", "NAME = 'process'\n")
    monkeypatch.syspath_prepend(str(outside))
    import shared_name

    write(root, "shared_name.py", "NAME = 'project'\n")
    text = """\
    from sqlpipes import asset
    @asset
    def rows():
        for _ in range(2):
            import shared_name
            yield shared_name.NAME
    """
    function = one(root, text).body.load()
    first, second = function(), function()
    assert [next(first), next(second), *first, *second] == ["project"] * 4
    assert sys.modules["shared_name"] is shared_name


def test_folders_of_one_project_may_each_have_a_file_of_one_name(tmp_path):
    text = """\
    from sqlpipes import asset
    import parts
    @asset(name=parts.NAME)
    def f():
        import parts as late
        return parts.NAME, late.NAME
    """
    functions = {}
    for name in ("a", "b"):
        write(tmp_path, f"models/{name}/parts.py", f"NAME = {name!r}\n")
        assets, _, problems = read(tmp_path, f"models/{name}/m.py", text)
        assert problems == []
        functions[name] = assets[0].body.load()
    for name in ("a", "b", "a"):
        assert functions[name]() == (name, name)


def test_a_file_named_like_a_standard_module_hides_nothing(tmp_path):
    write(tmp_path, "models/calendar.py", "raise RuntimeError\n")
    write(tmp_path, "json.py", "raise RuntimeError\n")
    text = """\
    from sqlpipes import asset
    import calendar, json
    @asset
    def a():
        return json.dumps(calendar.isleap(2024))
    """
    assert one(tmp_path, text).body.load()() == "true"


def test_classes_of_the_project_can_be_pickled_and_decorated(tmp_path):
    write(
        tmp_path,
        "lib/model.py",
        """\
        from __future__ import annotations
        from dataclasses import dataclass
        @dataclass
        class Model:
            weights: list[float]
        """,
    )
    text = """\
    import pickle
    from sqlpipes import asset
    @asset
    def a():
        from lib.model import Model
        return pickle.loads(pickle.dumps(Model([1.0]))).weights
    """
    assert one(tmp_path, text).body.load()() == [1.0]


def test_packages_and_relative_imports(tmp_path):
    write(tmp_path, "models/ml/__init__.py", "BASE = 1\n")
    write(tmp_path, "models/ml/parts/features.py", "from .. import BASE\nTWO = BASE + 1\n")
    text = """\
    from sqlpipes import asset
    from .parts.features import TWO
    from . import BASE
    @asset
    def a():
        return TWO, BASE
    """
    assets, _, problems = read(tmp_path, "models/ml/m.py", text)
    assert problems == []
    assert assets[0].body.load()() == (2, 1)
    assert assets[0].fqn == ("shop", "ml", "a")
    before = assets[0].version
    write(tmp_path, "models/ml/__init__.py", "BASE = 2\n")
    assert read(tmp_path, "models/ml/m.py")[0][0].version != before


def test_generators_and_threads_find_the_project_s_modules(tmp_path):
    write(tmp_path, "lib/late.py", "import time\ntime.sleep(0.01)\nROWS = 3\n")
    text = """\
    from sqlpipes import asset
    @asset
    def rows():
        from lib.late import ROWS
        for n in range(ROWS):
            yield {"n": n}
    """
    function = one(tmp_path, text).body.load()
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(len(list(function())))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [3] * 8


# The cache


COUNTED = """\
from pathlib import Path
from sqlpipes import Daily, asset, check
from lib.rates import RATE

TEAM = "ml@acme.com"
with Path({log!r}).open("a") as log:
    log.write("x")

@asset(owner=TEAM, partition=Daily("day", start="2024-01-01"), checks=[{{"not_null": "day"}}])
def a(orders, context):
    return context.sql("select * from payments")

@check(asset=a)
def fine(a):
    return True
"""


@pytest.fixture
def counted(tmp_path):
    """A project that notes each import of its module."""
    log = tmp_path / "log"
    write(tmp_path, "lib/rates.py", "RATE = 1\n")
    write(tmp_path, "models/m.py", COUNTED.format(log=str(log)))

    def imports():
        return len(log.read_text()) if log.exists() else 0

    return tmp_path, imports


def in_new_process(root):
    """The facts of the module, as another command would see them."""
    code = (
        "import sys; from sqlpipes.read.python import read_python;"
        "from sqlpipes.core.config import ProjectConfig, Target;"
        "from sqlpipes.read.braces import Names; from sqlpipes.read.ground import Ground;"
        f"g = Ground({str(root)!r}, ProjectConfig('shop'), Target('dev', 'duckdb'), Names());"
        f"f = read_python({str(root / 'models/m.py')!r}, g);"
        "print([str((x.name, x.version, x.at, x.depends_on, x.owners, x.partition, x.checks))"
        " for x in f.assets], [str((x.name, x.arguments, x.at, x.severity)) for x in f.checks],"
        " f.entries, f.problems)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_a_second_command_imports_nothing_and_says_the_same(counted):
    root, imports = counted
    cold = in_new_process(root)
    assert imports() == 1
    assert in_new_process(root) == cold
    assert imports() == 1
    assert "payments" in cold


def test_any_edit_of_what_is_reached_imports_again(counted):
    root, imports = counted
    before = read(root)[0][0].version
    write(root, "lib/rates.py", "RATE = 2\n")
    assert read(root)[0][0].version != before
    assert imports() == 2
    write(root, "models/lib.py", "RATE = 2\n")  # now hides the folder lib/
    assert [p.code for p in read(root)[2]] == ["PYT001"]
    write(root, "models/m.py", (root / "models/m.py").read_text() + "\nX = 1\n")
    (root / "models/lib.py").unlink()
    read(root)
    assert imports() == 3


@pytest.mark.parametrize("broken", ["", "{", "[]", "{}", '{"key": 1}', "\0"])
def test_a_corrupt_cache_is_rebuilt(counted, broken):
    root, _ = counted
    before = read(root)[0]
    (file,) = (root / ".sqlpipes/cache/python").iterdir()
    good = file.read_text()
    file.write_text(broken)
    assert read(root)[0][0].version == before[0].version
    assert json.loads(file.read_text()) == json.loads(good)


@pytest.mark.long
@pytest.mark.parametrize(
    "text",
    [
        "import os\nfrom sqlpipes import asset\n@asset(owner=os.environ['WHO'])\ndef a(): ...",
        "import os\nfrom sqlpipes import asset\nW = os.environ['WHO']\n@asset(owner=W)\ndef a(): ...",
        "import os\nfrom sqlpipes import asset\nfor w in [os.environ['WHO']]:\n"
        "    @asset(owner=w)\n    def a(): ...",
        "import os\nfrom sqlpipes import asset\nW = 'z'\nW = os.environ['WHO']\n"
        "@asset(owner=W)\ndef a(): ...",
    ],
)
def test_what_is_computed_outside_the_text_is_never_remembered(tmp_path, monkeypatch, text):
    file = write(tmp_path, "models/m.py", text)
    code = (
        "from sqlpipes.read.python import read_python;"
        "from sqlpipes.core.config import ProjectConfig, Target;"
        "from sqlpipes.read.braces import Names; from sqlpipes.read.ground import Ground;"
        f"g = Ground({str(tmp_path)!r}, ProjectConfig('s'), Target('dev', 'duckdb'), Names());"
        f"print(read_python({file!r}, g).assets[0].owners)"
    )
    for who in ("team:x", "team:y"):
        monkeypatch.setenv("WHO", who)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout == f"('{who}',)\n"


def test_a_failed_import_is_tried_again(tmp_path):
    text = "import os\nfrom sqlpipes import asset\nos.stat('{}')\n@asset\ndef a(): ...\n"
    late = tmp_path / "late.txt"
    assert only_problem(tmp_path, text.format(late)).code == "PYT001"
    late.write_text("x")
    assert [a.name for a in read(tmp_path)[0]] == ["a"]


# SQL inside


SQL = '''\
from sqlpipes import asset

TOP = "select * from from_a_constant"

def part(context, day):
    return context.sql(f"select * from from_a_helper where d = '{day}' and e > {day}")

@asset
def a(context, first):
    context.sql("select * from payments join shop.refunds using (id)")
    context.sql("""
        with mine as (select * from inner_table)
        select * from mine, information_schema.tables
    """)
    context.sql(TOP)
    query = "select * from " "glued_names"
    context.sql(query)
    part(context, 1)
    other.sql("select * from not_ours")
    context.sql("select * from payments, first")
'''


def test_tables_in_the_function_s_sql_are_inputs(tmp_path):
    found = one(tmp_path, SQL)
    lines = SQL.split("\n")
    places = {d.name: d.at for d in found.depends_on}
    assert set(places) == {
        "first",
        "payments",
        "shop.refunds",
        "inner_table",
        "from_a_constant",
        "glued_names",
        "from_a_helper",
    }
    for name, at in places.items():
        assert lines[at.line - 1][at.column - 1 :].startswith(name)
        assert at.length == len(name)
    assert places["payments"].line == 10
    assert found.body.parameters == ("first",)


def test_sql_that_cannot_be_seen_is_an_error_unless_inputs_are_declared(tmp_path):
    text = """\
    from sqlpipes import asset
    @asset{}
    def a(context, table="t"):
        context.sql(f"select * from {{table}} join orders using (id)")
        context.sql("select * from " + table)
        return context.sql(f"select {{table}} from customers limit {{table}}")
    """
    text = textwrap.dedent(text)
    assets, _, problems = read(tmp_path, text=text.format(""))
    assert [(p.code, str(p.at), p.severity) for p in problems] == [
        ("PYT004", "models/m.py:4:5", Severity.ERROR),
        ("PYT004", "models/m.py:5:5", Severity.ERROR),
    ]
    assert {d.name for d in assets[0].depends_on} == {"orders", "customers"}
    assert read(tmp_path)[2] == problems  # also from the cache
    assets, _, problems = read(tmp_path, text=text.format("(deps=['t'])"))
    assert problems == []
    assert {d.name for d in assets[0].depends_on} == {"orders", "customers", "t"}


def test_assets_pickle_no_code(tmp_path):
    """A body holds a way to load the function, not the function."""
    body = one(tmp_path, BASIC).body
    assert pickle.loads(pickle.dumps(body.load)).func is body.load.func


def test_an_unknown_table_in_sql_is_external_and_an_unknown_parameter_is_not(tmp_path):
    assets, _, _ = read(
        tmp_path,
        text="""
        from sqlpipes import asset

        @asset
        def found(context):
            return context.sql("select * from raw.things")

        @asset(deps=["nothing"])
        def lost(context): ...
        """,
    )
    graph, problems = link(assets)
    assert [given.name for given in graph.inputs["found"]] == ["raw.things"]
    assert graph.assets["raw.things"].kind is Kind.SOURCE
    assert [(str(p.at), p.code) for p in problems] == [
        ("models/m.py:6:39", "REF001"),
        ("models/m.py:8:14", "REF003"),
    ]
