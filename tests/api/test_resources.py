"""Resources in whole projects: how they are configured, who gets them, and that secrets stay secret."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from cli.projects import spawn, wait_until_running

from sqlpipes.api import Ask, build, debug, lint, load, plan, rows
from sqlpipes.core.errors import ProjectError
from sqlpipes.core.status import Status
from sqlpipes.testing import run_model

TOKEN = "t0p/s3cret&key"
API = '''
import os
from sqlpipes import Secret, resource

@resource
class ShopApi:
    """The service of the shop."""

    url: str
    token: Secret
    limit: int = 3

    def setup(self):
        with open("said.txt", "a") as f:
            f.write(f"open {self.url}\\n")
        self.asked = 0

    def close(self):
        with open("said.txt", "a") as f:
            f.write("close\\n")
'''
ORDERS = """
from resources import ShopApi
from sqlpipes import asset

@asset
def orders(api: ShopApi):
    return [{"id": n} for n in range(api.limit)]
"""
PROFILE = """
shop:
  outputs:
    dev:
      type: duckdb
      path: shop.duckdb
      resources:
        shop_api:
          token: "{{ env_var('SHOP_TOKEN') }}"
"""
FILES = {
    "sqlpipes.yml": "name: shop\nresources:\n  shop_api:\n    url: http://shop\n    limit: 2\n",
    "profiles.yml": PROFILE,
    "models/resources.py": API,
    "models/orders.py": ORDERS,
}
ENVIRON = {"SHOP_TOKEN": TOKEN}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def write(**more):
        for name, text in {**FILES, **more}.items():
            path = tmp_path / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


def said(root):
    path = root / "said.txt"
    return path.read_text().splitlines() if path.exists() else []


def problems(project):
    return [str(problem) for problem in project.problems]


def refused(project, ask=None):
    with pytest.raises(ProjectError) as caught:
        build(project, ask)
    return [(str(p), p.hint) for p in caught.value.problems]


def test_the_target_s_values_lie_over_the_project_s_key_by_key(shop):
    root = shop()
    project = load(str(root), environ=ENVIRON)
    assert project.problems == ()
    report = build(project)
    assert report.ok
    assert rows(project, "orders").rows == ((0,), (1,))
    assert said(root) == ["open http://shop", "close"]
    assert project.graph.parents("orders") == ()


def test_nothing_is_opened_for_what_does_not_run(shop):
    root = shop(**{"models/other.sql": "select 1 as x\n"})
    project = load(str(root), environ={})
    assert build(project, Ask(select=("other",))).ok
    assert said(root) == []
    assert refused(project)[0][0].endswith("the environment variable SHOP_TOKEN is not set")
    assert said(root) == []


def test_a_warm_command_imports_no_resource(shop):
    root = shop()
    load(str(root), environ=ENVIRON)
    code = (
        "import sys; from sqlpipes.api import load; p = load('.', environ={}); "
        "print(sorted(p.resources), p.resources['shop_api'].missing, "
        "'msgspec' in sys.modules, any('resources' == m.split('.')[-1] and "
        "getattr(sys.modules[m], '__sqlpipes_root__', '') for m in list(sys.modules)))"
    )
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert found.stdout == "['shop_api'] ('SHOP_TOKEN',) False False\n"


@pytest.mark.parametrize(
    ("config", "place", "hint"),
    [
        (
            "shop_apo: {url: x}",
            "sqlpipes.yml:3:3: RES001 there is no resource 'shop_apo'",
            "shop_api",
        ),
        (
            "shop_api: {urll: x}",
            "sqlpipes.yml:3:14: RES002 the resource 'shop_api' has no 'urll'",
            "'url'",
        ),
        (
            "shop_api: 3",
            "sqlpipes.yml:3:13: RES002 the resource 'shop_api' is configured by",
            "{url",
        ),
    ],
)
def test_a_name_that_is_none_is_told_when_files_are_read(shop, config, place, hint):
    root = shop(**{"sqlpipes.yml": f"name: shop\nresources:\n  {config}\n"})
    found = load(str(root), environ=ENVIRON).problems
    assert any(str(p).startswith(place) and hint in (p.hint or "") for p in found), found


def test_values_of_the_wrong_type_are_told_all_at_once_before_anything_runs(shop):
    config = "name: shop\nresources:\n  shop_api:\n    url: [a]\n    limit: many\n"
    root = shop(**{"sqlpipes.yml": config})
    found = refused(load(str(root), environ=ENVIRON))
    assert [text for text, _ in found] == [
        "sqlpipes.yml:4:10: RES003 'url' of the resource 'shop_api' must be a text, not a list",
        "sqlpipes.yml:5:12: RES003 'limit' of the resource 'shop_api' must be a whole number, not a text",
    ]
    assert said(root) == []


def test_a_field_that_is_set_nowhere_is_told_at_the_field(shop):
    root = shop(**{"sqlpipes.yml": "name: shop\n"})
    ((text, hint),) = refused(load(str(root), environ=ENVIRON))
    assert text.startswith("models/resources.py:9:5: RES004 the resource 'shop_api' needs 'url'")
    assert "resources: {shop_api: {url: ...}}" in hint


def test_toml_configures_too_with_its_places(shop):
    root = shop(
        **{
            "pyproject.toml": '[tool.sqlpipes]\nname = "shop"\n\n[tool.sqlpipes.resources.shop_api]\n'
            'url = "x"\nlimit = "many"\n'
        }
    )
    (root / "sqlpipes.yml").unlink()
    ((text, _),) = refused(load(str(root), environ=ENVIRON))
    assert text.startswith("pyproject.toml:6:9: RES003 'limit' of the resource 'shop_api'")


def test_a_resource_by_name_and_by_class_and_given_to_checks(shop):
    root = shop(
        **{
            "models/orders.py": ORDERS
            + """
from sqlpipes import check

@asset
def again(shop_api, orders):
    return orders

@check(asset="orders")
def few(orders, shop_api):
    return orders.aggregate("count(*)").fetchall()[0][0] == shop_api.limit
"""
        }
    )
    project = load(str(root), environ=ENVIRON)
    assert project.problems == ()
    assert project.graph.parents("again") == ("orders",)
    report = build(project)
    assert [str(check.status) for check in report.checks] == ["success"]
    assert said(root) == ["open http://shop", "close"]


def test_a_name_that_is_both_is_told_with_both_places_unless_the_class_says_it(shop):
    by_name = "from sqlpipes import asset\n\n@asset\ndef other(shop_api):\n    return shop_api\n"
    root = shop(**{"models/shop_api.sql": "select 1 as x\n", "models/other.py": by_name})
    (problem,) = load(str(root), environ=ENVIRON).errors
    assert str(problem).startswith(
        "models/other.py:4:11: RES005 'shop_api' is an asset in models/shop_api"
    )
    assert {each.file for each in problem.others} == {"models/shop_api.sql", "models/resources.py"}
    (root / "models/other.py").unlink()
    assert load(str(root), environ=ENVIRON).errors == ()


def test_two_of_one_name_are_told_with_both_places(shop):
    root = shop(
        **{
            "models/more.py": "from sqlpipes import resource\n\n@resource\ndef shop_api():\n    ...\n"
        }
    )
    (problem,) = load(str(root), environ=ENVIRON).errors
    assert problem.code == "DUP003"
    assert {problem.at.file, problem.others[0].file} == {"models/more.py", "models/resources.py"}


def test_resources_in_a_circle_are_told(shop):
    circle = """
from sqlpipes import resource

@resource
def one(two): return 1

@resource
def two(one): return 2
"""
    root = shop(**{"models/more.py": circle})
    (problem,) = load(str(root), environ=ENVIRON).errors
    assert problem.code == "RES007"
    assert "one -> two -> one" in problem.message


def test_several_of_one_class_are_told_apart_by_the_parameter_s_name(shop):
    listed = """
from resources import ShopApi
from sqlpipes import Definitions, asset

@asset
def a(old_api: ShopApi): return [{"url": old_api.url}]

@asset
def b(api: ShopApi): return [{"url": api.url}]

defs = Definitions(assets=[a, b], resources={"old_api": ShopApi, "new_api": ShopApi})
"""
    root = shop(**{"models/orders.py": listed})
    (problem,) = load(str(root), environ=ENVIRON).errors
    assert str(problem).startswith(
        "models/orders.py:9:5: RES006 there are several resources of the class"
    )
    assert "old_api, new_api" in problem.hint
    (root / "models/orders.py").write_text(
        listed.replace(
            'def b(api: ShopApi): return [{"url": api.url}]', "def b(): return [{'x': 1}]"
        )
    )
    config = "name: shop\nresources:\n  old_api: {url: http://old, token: hush}\n"
    (root / "sqlpipes.yml").write_text(config)
    (root / "profiles.yml").unlink()
    project = load(str(root), environ={})
    assert project.errors == ()
    assert build(project).ok
    assert rows(project, "a").rows == (("http://old",),)


LEAKY = """
import logging
from resources import ShopApi
from sqlpipes import asset, check, op

@op
def ask(api):
    print("asking with", api.token.reveal())
    raise ValueError("no " + api.token.reveal())

@asset
def fine(api: ShopApi, context):
    print(api, api.token, api.token.reveal())
    logging.getLogger("x").warning("url?key=t0p%%2Fs3cret%%26key and %s", api.token.reveal())
    context.log_metadata(token=api.token.reveal(), api=api)
    try:
        ask(api)
    except ValueError:
        pass
    context.sql(f"select '{api.token.reveal()}' as x").fetchall()
    return [{"id": 1}]

@check(asset="fine", severity="warn")
def leak(fine, api: ShopApi):
    return [{"token": api.token.reveal()}]

@asset
def broken(api: ShopApi):
    try:
        raise KeyError(api.token.reveal())
    except KeyError as error:
        raise RuntimeError("x" * 280 + api.token.reveal()) from error
"""


@pytest.mark.long
def test_a_secret_is_kept_and_shown_nowhere(shop):
    root = shop(**{"models/orders.py": LEAKY})
    environ = {**os.environ, **ENVIRON, "NO_COLOR": "1", "PYTHONPATH": os.pathsep.join(sys.path)}

    def shown(*arguments):
        command = [sys.executable, "-m", "sqlpipes", *arguments]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, env=environ)
        return done.stdout + done.stderr

    outputs = [
        shown("build", "--json"),
        shown("build", "--force"),
        shown("runs", "show", "--log"),
        shown("debug"),
    ]
    outputs += [
        shown("runs", "show", "--json"),
        shown("status", "--json"),
        shown("state", "export"),
    ]
    assert "broken() raised RuntimeError" in outputs[1]
    assert "asking with ***" in outputs[2]
    kept = b"".join(p.read_bytes() for p in (root / ".sqlpipes").rglob("*") if p.is_file())
    for part in ("t0p/s3", "t0p%2Fs3", "s3cret"):
        assert not [text for text in outputs if part in text]
        assert part.encode() not in kept


def test_a_secret_that_is_written_out_is_in_no_cache(shop):
    config = "name: shop\nresources:\n  shop_api: {url: x, token: written-out}\n"
    root = shop(**{"sqlpipes.yml": config})
    (root / "profiles.yml").unlink()
    project = load(str(root), environ={})
    assert build(project).ok
    assert "written-out" not in repr(project)
    kept = b"".join(p.read_bytes() for p in (root / ".sqlpipes").rglob("*") if p.is_file())
    assert b"written-out" not in kept


def test_debug_names_what_is_missing_and_never_a_value(shop):
    root = shop()
    facts = {fact.topic: fact for fact in debug(load(str(root), environ={}))}
    fact = facts["resource shop_api"]
    assert (fact.said, fact.ok) == (
        "url, limit, token configured for dev; SHOP_TOKEN is not set",
        False,
    )
    well = {fact.topic: fact for fact in debug(load(str(root), environ=ENVIRON))}
    assert well["resource shop_api"].ok
    assert not [fact for fact in well.values() if TOKEN in fact.said]


def test_configuration_makes_nothing_stale_and_the_class_does(shop):
    root = shop()
    assert build(load(str(root), environ=ENVIRON)).ok
    config = FILES["sqlpipes.yml"].replace("limit: 2", "limit: 1")
    (root / "sqlpipes.yml").write_text(config)
    assert not plan(load(str(root), environ=ENVIRON)).steps
    (root / "models/resources.py").write_text(API.replace("self.asked = 0", "self.asked = 1"))
    assert [step.asset for step in plan(load(str(root), environ=ENVIRON)).steps] == ["orders"]


def test_a_resource_of_the_same_file_concerns_only_those_that_take_it(shop):
    both = (
        API.replace("class ShopApi", "class Other")
        + """
from sqlpipes import asset

@asset
def takes(other: Other): return [{"id": 1}]

@asset
def does_not(): return [{"id": 1}]
"""
    )
    root = shop(**{"models/both.py": both})
    one = {a.name: a.version for a in load(str(root), environ=ENVIRON).graph.assets.values()}
    (root / "models/both.py").write_text(both.replace("self.asked = 0", "self.asked = 2"))
    two = {a.name: a.version for a in load(str(root), environ=ENVIRON).graph.assets.values()}
    assert one["takes"] != two["takes"]
    assert one["does_not"] == two["does_not"]
    assert one["orders"] == two["orders"]


def test_a_set_up_that_fails_is_told_at_the_user_s_line_and_fails_those_who_want_it(shop):
    broken = API.replace(
        "self.asked = 0", "raise ConnectionError(f'no route for {self.token.reveal()}')"
    )
    root = shop(**{"models/resources.py": broken, "models/other.sql": "select 1 as x\n"})
    report = build(load(str(root), environ=ENVIRON))
    (failed,) = report.failed
    assert str(failed.problems[0]).startswith(
        "models/resources.py:16:9: RES008 the resource 'shop_api' could not be set up: "
        "ConnectionError: no route for ***"
    )
    assert [done.asset for done in report.finished] == ["other"]
    assert said(root) == ["open http://shop", "close"]


def test_a_close_that_fails_is_told_and_hides_nothing(shop):
    files = {
        "models/resources.py": API.replace('f.write("close\\n")', "raise OSError('disk full')"),
        "models/orders.py": ORDERS.replace("return [", "raise ValueError('mine')\n    return ["),
    }
    root = shop(**files)
    report = build(load(str(root), environ=ENVIRON))
    assert report.status is Status.ERROR
    assert "raised ValueError: mine" in report.failed[0].problems[0].message
    (warning,) = report.warnings
    assert str(warning).startswith(
        "models/resources.py:20:13: RES009 the resource 'shop_api' could not"
    )


SLOW = """
import time
from resources import ShopApi
from sqlpipes import asset

@asset
def orders(api: ShopApi):
    for _ in range(40):
        time.sleep(0.05)
    return [{"n": 1}]
"""


@pytest.mark.long
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_stopped_is_closed(shop, number, monkeypatch):
    root = shop(**{"models/orders.py": SLOW})
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)
    process = spawn(root, "build")
    wait_until_running(root, "orders", process)
    while not said(root):
        assert process.poll() is None
    process.send_signal(number)
    process.communicate(timeout=60)
    assert said(root) == ["open http://shop", "close"]


OTHERS = """
import msgspec
from dataclasses import dataclass, field
from sqlpipes import Secret, asset, resource

@resource
class Struct(msgspec.Struct, kw_only=True):
    url: str
    hosts: list[str] = []

@resource
@dataclass(frozen=True)
class Frozen:
    url: str
    hosts: list[str] = field(default_factory=list)

@resource
class Own:
    def __init__(self, url: str, token: Secret, port: int = 80, **more):
        self.said = f"{url}:{port + 1}:{token.reveal()}"

@asset
def all_of_them(struct: Struct, frozen: Frozen | None, own):
    return [{"said": f"{struct.url} {struct.hosts} {frozen.url} {frozen.hosts} {own.said}"}]
"""


def test_structs_dataclasses_and_classes_with_an_init_of_their_own(shop):
    config = """
name: shop
resources:
  struct: {url: a, hosts: [x]}
  frozen: {url: b}
  own: {url: c, token: hush, port: "8"}
"""
    root = shop(**{"models/others.py": OTHERS, "sqlpipes.yml": config})
    project = load(str(root), environ=ENVIRON)
    assert project.problems == ()
    assert build(project, Ask(select=("all_of_them",))).ok
    assert rows(project, "all_of_them").rows == (("a ['x'] b [] c:9:hush",),)


def test_checks_alone_set_up_only_what_they_take(shop):
    checked = (
        ORDERS
        + """
from sqlpipes import check

@check(asset="orders")
def some(orders):
    return True
"""
    )
    root = shop(**{"models/orders.py": checked})
    assert build(load(str(root), environ=ENVIRON)).ok
    (root / "said.txt").unlink()
    report = build(load(str(root), environ={}), Ask(only_checks=True))
    assert [str(each.status) for each in report.checks] == ["success"]
    assert said(root) == []


def test_fail_fast_closes_too(shop):
    root = shop(
        **{"models/orders.py": ORDERS.replace("return [", "raise ValueError('x')\n    return [")}
    )
    assert not build(load(str(root), environ=ENVIRON), fail_fast=True).ok
    assert said(root) == ["open http://shop", "close"]


def test_a_test_gives_what_it_likes(shop):
    class Fake:
        limit = 5

    root = shop()
    assert len(run_model("orders", project=str(root), resources={"shop_api": Fake()})) == 5
    with pytest.raises(ProjectError, match="RES010"):
        run_model("orders", project=str(root))
    with pytest.raises(ProjectError, match="RES001"):
        run_model("orders", project=str(root), resources={"shop_apo": Fake()})
    project = load(str(root), environ={}, resources={"shop_api": Fake()})
    assert build(project).ok
    assert rows(project, "orders", limit=9).rows[-1] == (4,)


def test_a_resource_outside_of_the_model_folders_counts_where_it_is_imported(shop):
    root = shop(
        **{"lib/clients.py": API, "models/orders.py": ORDERS.replace("resources", "lib.clients")}
    )
    (root / "models/resources.py").unlink()
    project = load(str(root), environ=ENVIRON)
    assert project.problems == ()
    assert project.resources["shop_api"].at.file == "lib/clients.py"
    assert build(project).ok


WRONG = """
from dataclasses import dataclass
from sqlpipes import Secret, asset, resource

@dataclass
class End:
    path: str
    depth: int = 1

@resource
class Api:
    token: Secret
    needed: int
    limit: int = 3
    ends: dict[str, End] | None = None

@asset
def orders(api: Api):
    return [{"id": 1}]
"""
WRONG_CONFIG = """name: shop
resources:
  api:
    token: "{{ env_var('SHOP_TOKEN') }}"
    limit: many
    ends: {a: {path: x, depht: 3}}
"""


def test_wrong_configuration_is_told_by_lint_and_by_the_plan_of_what_is_given_it(shop):
    root = shop()
    (root / "models/orders.py").unlink()
    (root / "models/resources.py").write_text(WRONG)
    (root / "models/other.sql").write_text("select 1 as x\n")
    (root / "sqlpipes.yml").write_text(WRONG_CONFIG)
    (root / "profiles.yml").unlink()
    project = load(str(root), environ={})
    told = {(p.code, p.severity.value, p.at and (p.at.file, p.at.line)) for p in lint(project)}
    assert told == {
        ("TPL001", "warning", ("sqlpipes.yml", 4)),
        ("RES003", "error", ("sqlpipes.yml", 5)),
        ("RES003", "error", ("sqlpipes.yml", 6)),
        ("RES004", "error", ("models/resources.py", 13)),
    }
    unset = next(p for p in lint(project) if p.code == "TPL001")
    assert "SHOP_TOKEN" in unset.message
    assert "'api'" in unset.message
    with pytest.raises(ProjectError) as caught:
        plan(project)
    assert sorted(p.code for p in caught.value.problems) == ["RES003", "RES003", "RES004", "TPL001"]
    assert plan(project, Ask(select=("other",))).names == {"other"}
