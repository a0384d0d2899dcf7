"""What a change breaks, touches and leaves alone: said without building, and tried on DuckDB."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import duckdb
import pytest
from click import unstyle
from dice import TABLES, Dice, condition, expression, query, rows_of_tables

from sqlpipes.api import build, impact, load, save_image
from sqlpipes.core.errors import ProjectError
from sqlpipes.core.impact import (
    AssetImpact,
    Change,
    Effect,
    Impact,
    image_as_json,
    image_from_json,
)
from sqlpipes.show.impact import impact_json, impact_markdown, impact_text

SHOP = {
    "sqlpipes.yml": "name: shop\n",
    "seeds/raw_orders.csv": "order_id,customer_id,amount,status\n1,7,10.50,paid\n2,8,3.00,open\n",
    "models/orders.sql": "select order_id, customer_id, amount, status as state from raw_orders",
    "models/paid.sql": "select order_id, amount from orders where state = 'paid'",
    "models/totals.sql": "select customer_id, sum(amount) as total from orders group by customer_id",
    "models/counts.sql": "select count(*) as n from orders",
    "models/names.sql": "select customer_id as id from totals",
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    write(tmp_path, SHOP)
    return tmp_path


def change(name: str, old: str, new: str) -> dict[str, str]:
    """The files of one edit."""
    return {f"models/{name}.sql": SHOP[f"models/{name}.sql"].replace(old, new)}


def since(root: Path, files: dict[str, str]) -> Impact:
    """What these files change."""
    image = str(root / "before.json")
    save_image(load(str(root)), image)
    write(root, files)
    return impact(load(str(root)), image)


def told(found: Impact) -> dict[str, tuple[Change | None, Effect]]:
    return {each.asset: (each.change, each.effect) for each in found.assets}


def of(found: Impact, name: str) -> AssetImpact:
    return next(each for each in found.assets if each.asset == name)


def test_nothing_changed(shop: Path) -> None:
    found = since(shop, {})
    assert found.assets == ()
    assert impact_text(found, str(shop)) == "nothing changed since before.json"


@pytest.mark.parametrize(
    "text",
    [
        "SELECT order_id, customer_id, amount, status AS state FROM raw_orders -- the orders",
        "select o.order_id, o.customer_id, o.amount, o.status as state from raw_orders as o",
        "with o as (select * from raw_orders) select order_id, customer_id, amount, status as state from o",
    ],
)
def test_another_spelling_reaches_nothing(shop: Path, text: str) -> None:
    found = since(shop, {"models/orders.sql": text})
    if (
        "with" in text
    ):  # more than a spelling to whoever looks at one query alone: the rows in doubt
        assert of(found, "orders").rows
        return
    assert {change for change, _ in told(found).values()} <= {Change.SAME}


def test_a_column_reaches_those_that_read_it_and_no_other(shop: Path) -> None:
    found = since(
        shop,
        change("orders", "amount", "amount * 2 as amount"),
    )
    assert told(found) == {
        "orders": (Change.CHANGED, Effect.NONE),
        "paid": (None, Effect.TOUCHED),
        "totals": (None, Effect.TOUCHED),
        "counts": (None, Effect.UNTOUCHED),
        "names": (None, Effect.UNTOUCHED),
    }
    assert of(found, "totals").touched == ("total",)
    assert of(found, "names").proof == "reads only customer_id of totals; changed: total"
    assert of(found, "counts").proof == "reads only which rows orders has; changed: amount"


def test_what_decides_the_rows_reaches_all(shop: Path) -> None:
    found = since(shop, change("orders", "raw_orders", "raw_orders where amount > 1"))
    assert of(found, "orders").rows
    assert {effect for name, (_, effect) in told(found).items() if name != "orders"} == {
        Effect.TOUCHED
    }


def test_a_condition_on_a_changed_column(shop: Path) -> None:
    found = since(
        shop,
        change("orders", "status as", "upper(status) as"),
    )
    assert of(found, "paid").touched == ("*",)
    assert of(found, "paid").because == ("orders.state decides its rows: where",)
    assert of(found, "totals").effect is Effect.UNTOUCHED


def test_a_column_that_is_read_and_gone_breaks(shop: Path) -> None:
    found = since(
        shop, {"models/orders.sql": "select order_id, customer_id, amount from raw_orders"}
    )
    broken = of(found, "paid")
    assert broken.effect is Effect.BREAKS
    assert [(p.code, str(p.at)) for p in broken.problems] == [("COL001", "models/paid.sql:1:43")]
    assert found.breaks
    assert of(found, "totals").effect is Effect.UNTOUCHED


def test_what_is_below_what_breaks_says_so(shop: Path) -> None:
    write(shop, {"models/last.sql": "select amount from paid"})
    found = since(
        shop, {"models/orders.sql": "select order_id, customer_id, amount from raw_orders"}
    )
    assert of(found, "last").because[0] == "paid breaks"


def test_a_column_is_renamed(shop: Path) -> None:
    found = since(shop, change("totals", "as total", "as revenue"))
    (renamed,) = of(found, "totals").columns
    assert (renamed.change, renamed.was, renamed.column) == (Change.RENAMED, "total", "revenue")
    assert of(found, "names").effect is Effect.UNTOUCHED


def test_a_column_is_cast(shop: Path) -> None:
    found = since(
        shop,
        change("orders", "amount", "amount::integer as amount"),
    )
    (change_of,) = of(found, "orders").columns  # before a build nobody knows what type a seed has
    assert str(change_of) == "amount computed differently: amount -> amount::integer"


def test_an_asset_that_is_gone(shop: Path) -> None:
    image = str(shop / "before.json")
    save_image(load(str(shop)), image)
    (shop / "models/totals.sql").unlink()
    found = impact(load(str(shop)), image)
    assert told(found)["totals"] == (Change.REMOVED, Effect.NONE)
    assert of(found, "names").effect is Effect.BREAKS
    assert of(found, "names").because[0] == "totals is gone"


def test_an_asset_that_is_new(shop: Path) -> None:
    found = since(shop, {"models/more.sql": "select order_id from orders"})
    assert told(found) == {"more": (Change.ADDED, Effect.NONE)}


def test_a_new_asset_that_is_wrong(shop: Path) -> None:
    found = since(shop, {"models/more.sql": "select nothing from orders"})
    assert told(found) == {"more": (Change.ADDED, Effect.BREAKS)}


def test_what_was_wrong_before_is_not_told(shop: Path) -> None:
    write(shop, {"models/more.sql": "select nothing from orders"})
    found = since(shop, {"models/counts.sql": "select count(*) + 1 as n from orders"})
    assert told(found) == {"counts": (Change.CHANGED, Effect.NONE)}


def test_settings_and_checks(shop: Path) -> None:
    head = "/*\n---\nmaterialized: table\nchecks:\n  - not_null: order_id\n---\n*/\n"
    found = since(shop, {"models/orders.sql": head + SHOP["models/orders.sql"]})
    assert of(found, "orders").settings == ("checks", "materialized") or of(
        found, "orders"
    ).settings == ("materialized",)
    assert of(found, "orders").checks == ("orders.not_null.order_id",)
    assert set(told(found)) == {"orders"}  # rows are as they were


def test_a_function_is_handed_all_of_a_table(shop: Path) -> None:
    text = "from sqlpipes import asset\n\n@asset\ndef report(orders):\n    return orders\n"
    write(shop, {"models/report.py": text})
    found = since(
        shop,
        change("orders", "amount,", "amount + 1 as amount,"),
    )
    assert of(found, "report").effect is Effect.TOUCHED
    assert of(found, "report").because == ("orders is handed to a function",)


def test_opaque_sql_is_unknown_and_so_is_what_is_below(shop: Path) -> None:
    write(shop, {
        "models/odd.sql": "select columns(c -> c like 'a%') from orders",
        "models/below.sql": "select 1 as one, amount from odd",
    })  # fmt: skip
    found = since(
        shop,
        change("orders", "customer_id,", "customer_id + 1 as customer_id,"),
    )
    assert of(found, "odd").effect is Effect.UNKNOWN
    assert of(found, "below").effect is Effect.UNKNOWN


def test_since_the_last_build(shop: Path) -> None:
    assert build(load(str(shop))).status == "success"
    write(shop, change("totals", "sum(", "max("))
    found = impact(load(str(shop)), "built")
    assert told(found) == {
        "totals": (Change.CHANGED, Effect.NONE),
        "names": (None, Effect.UNTOUCHED),
    }
    assert [str(each) for each in of(found, "totals").columns] == [
        "total computed differently: sum(amount) -> max(amount)"
    ]
    write(
        shop, {"models/orders.sql": "select order_id, customer_id, status as state from raw_orders"}
    )
    assert of(impact(load(str(shop)), "built"), "paid").effect is Effect.BREAKS
    (shop / "models/names.sql").unlink()
    assert told(impact(load(str(shop)), "built"))["names"] == (Change.REMOVED, Effect.NONE)


def built(shop: Path) -> None:
    assert build(load(str(shop))).status == "success"


def test_a_type_that_does_not_fit_any_more_breaks(shop: Path) -> None:
    write(shop, {"models/below.sql": "select total + 1 as more from totals"})
    built(shop)
    write(shop, change("orders", "amount,", "'EUR ' || amount as amount,"))
    found = impact(load(str(shop)), "built")
    broken = of(found, "totals")
    assert broken.effect is Effect.BREAKS
    assert [(each.code, str(each.at)) for each in broken.problems] == [
        ("IMP007", "models/totals.sql:1:21")
    ]
    assert "sum(VARCHAR)" in broken.problems[0].message
    assert of(found, "below").because[0] == "totals breaks"


def test_a_type_that_still_fits_breaks_nothing(shop: Path) -> None:
    built(shop)
    write(shop, change("orders", "amount,", "amount::integer as amount,"))
    found = impact(load(str(shop)), "built")
    assert not found.breaks
    assert [str(each) for each in of(found, "orders").columns] == ["amount DOUBLE -> INTEGER"]


def test_sides_that_do_not_fit_any_more_break(shop: Path) -> None:
    write(
        shop,
        {
            "models/both.sql": "select * from totals union all select customer_id, amount from orders"
        },
    )
    built(shop)
    write(shop, change("totals", "as total", "as total, count(*) as n"))
    assert of(impact(load(str(shop)), "built"), "both").effect is Effect.BREAKS


def test_what_was_refused_before_is_not_told(shop: Path) -> None:
    write(shop, {"models/own.sql": "select our_macro(amount) as x from orders"})
    git(shop, "init")
    git(shop, "add", "models", "seeds", "sqlpipes.yml")
    git(shop, "commit", "-m", "first")
    write(shop, change("orders", "amount,", "amount + 1 as amount,"))
    found = impact(load(str(shop)), "HEAD")
    assert of(found, "own").effect is Effect.TOUCHED  # a macro that only the warehouse has
    assert not found.breaks


def git(root: Path, *words: str) -> None:
    who = [
        "-c",
        "user.name=ann",
        "-c",
        "user.email=ann@example.com",
        "-c",
        "init.defaultBranch=main",
    ]
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


def test_since_a_commit(shop: Path) -> None:
    folder = shop / "data" / "shop"  # a project is a folder of a repository
    write(folder, SHOP)
    git(shop, "init")
    with pytest.raises(ProjectError, match="IMP001"):
        impact(load(str(folder)))
    git(shop, "add", "data")
    git(shop, "commit", "-m", "first")
    assert impact(load(str(folder))).assets == ()
    write(folder, {"models/counts.sql": "select count(*) + 1 as n from orders"})
    assert told(impact(load(str(folder)))) == {"counts": (Change.CHANGED, Effect.NONE)}
    git(shop, "checkout", "-b", "work")
    git(shop, "commit", "-am", "second")
    assert told(impact(load(str(folder)))) == {"counts": (Change.CHANGED, Effect.NONE)}
    assert impact(load(str(folder)), "HEAD").assets == ()
    assert impact(load(str(folder)), "work").against == "work"
    with pytest.raises(ProjectError, match=r"IMP002.*'wrk'"):
        impact(load(str(folder)), "wrk")
    git(shop, "mv", "data/shop", "moved")
    with pytest.raises(ProjectError, match="IMP003"):
        impact(load(str(shop / "moved")), "main")


def test_outside_of_git_and_files_that_are_none(shop: Path) -> None:
    with pytest.raises(ProjectError, match="IMP001"):
        impact(load(str(shop)))
    with pytest.raises(ProjectError, match="IMP001"):
        impact(load(str(shop)), "main")
    (shop / "odd.json").write_text("[1, 2]")
    with pytest.raises(ProjectError, match="IMP004"):
        impact(load(str(shop)), str(shop / "odd.json"))
    with pytest.raises(ProjectError, match="IMP005"):
        save_image(load(str(shop)), str(shop / "nowhere" / "image.json"))
    write(shop, {"models/orders.sql": "select (1 as x"})
    assert of(impact(load(str(shop)), "built"), "orders").effect is Effect.BREAKS


def test_an_image_is_the_same_after_a_file(shop: Path) -> None:
    image = save_image(load(str(shop)), str(shop / "a.json"))
    assert image_from_json(json.loads(json.dumps(image_as_json(image)))) == image


def test_no_secret_is_in_a_saved_image(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_TOKEN", "canary-2718281828")
    text = "/*\n---\nmeta: {token: \"{{ env_var('SHOP_TOKEN') }}\"}\n---\n*/\nselect 1 as x"
    write(shop, {"models/one.sql": text})
    save_image(load(str(shop)), str(shop / "a.json"))
    assert "canary" not in (shop / "a.json").read_text()


def test_how_it_is_said(shop: Path) -> None:
    found = since(
        shop,
        {"models/orders.sql": "select order_id, customer_id, amount | 1 as amount from raw_orders"},
    )
    text = unstyle(impact_text(found, str(shop)))
    assert "COL001" in text
    assert text.splitlines()[-1].endswith("1 changed, 1 breaks, 1 touched, 2 untouched")
    page = impact_markdown(found)
    assert (
        "| `totals` | touched | orders.amount -&gt; total |" in page
        or "orders.amount -> total" in page
    )
    assert "<details><summary>2 proven untouched</summary>" in page
    said = impact_json(found)
    assert said["counts"] == {"breaks": 1, "touched": 1, "unknown": 0, "untouched": 2}
    assert json.loads(json.dumps(said, default=str)) == said


# --- what is said untouched is really equal, on random projects and random edits


def models(dice: Dice) -> dict[str, str]:
    """Three floors; a floor may lose its column y."""
    first = query(dice, 1)
    one = dice.pick(first, first, first, f"select x from ({first}) as s")
    names = ["one.x", "one.y"]
    two = f"select {expression(dice, names)} as x, {expression(dice, names)} as y from one"
    two += dice.pick("", f" where {condition(dice, names)}")
    three = f"select {expression(dice, ['x', 'x', 'y'])} as x, count(*) as n from two group by all"
    return {"one": one, "two": two, "three": three, "four": "select one.x, one.y from one"}


INPUTS = {"two": ("one",), "three": ("two",), "four": ("one",)}


def tried(texts: dict[str, str]) -> dict[str, list[str] | None]:
    """Rows of each model on DuckDB, None where it cannot be built."""
    found: dict[str, list[str] | None] = {}
    with duckdb.connect() as connection:
        for table, rows in rows_of_tables().items():
            listed = ", ".join(f"{column} int" for column in TABLES[table])
            connection.execute(f"create table {table} ({listed})")
            connection.executemany(f"insert into {table} values (?, ?, ?)", rows)
        for name, text in texts.items():
            try:
                connection.execute(f"create table {name} as {text}")
            except duckdb.Error:
                found[name] = None
                continue
            rows = connection.execute(f"select * from {name}").fetchall()
            found[name] = sorted(map(repr, rows))
    return found


def one_edit(root: Path, dice: random.Random) -> set[Effect]:
    seed = dice.randrange(10**9)
    first = Dice(seed, -1, 0)
    old = models(first)
    new = models(Dice(seed, dice.randrange(first.count), dice.randrange(1, 9)))
    write(root, {f"models/{name}.sql": text for name, text in old.items()})
    if dice.random() < 0.2:
        new = {**old, "one": f"select x from ({old['one']}) as s"}
    was = tried(old)
    if None in was.values():
        return set()
    found = since(root, {f"models/{name}.sql": text for name, text in new.items()})
    now = tried(new)
    told_of = {each.asset: each for each in found.assets}
    for name in old:
        each = told_of.get(name)
        if each is None or (each.change in (None, Change.SAME) and each.effect is Effect.UNTOUCHED):
            assert was[name] == now[name], f"{name} is not as it was: {old} {new}"
        elif each.effect is Effect.BREAKS:
            assert now[name] is None, f"{name} does not break: {old} {new}"
        is_whole = all(now[other] is not None for other in INPUTS.get(name, ()))
        if now[name] is None and is_whole and old[name] == new[name]:
            assert each is not None
            assert each.effect is Effect.BREAKS, f"{name} breaks: {old} {new}"
    return {each.effect for each in found.assets}


SOURCES = "sources:\n" + "".join(
    f"  - name: {name}\n    schema: main\n    columns:\n"
    + "".join(f"      - {{name: {column}, type: INTEGER}}\n" for column in columns)
    for name, columns in TABLES.items()
)


def test_what_is_said_untouched_is_as_it_was(tmp_path: Path) -> None:
    write(tmp_path, {"sqlpipes.yml": "name: shop\n", "models/sources.yml": SOURCES})
    dice = random.Random(5)
    seen = set().union(*(one_edit(tmp_path, dice) for _ in range(60)))
    assert seen >= {Effect.BREAKS, Effect.TOUCHED, Effect.UNTOUCHED}


@pytest.mark.nightly
def test_what_is_said_untouched_is_as_it_was_many_times(tmp_path: Path) -> None:
    write(tmp_path, {"sqlpipes.yml": "name: shop\n", "models/sources.yml": SOURCES})
    dice = random.Random()
    for _ in range(5_000):
        one_edit(tmp_path, dice)


# --- what was found wrong once


def test_a_star_loses_and_gains_what_its_table_does(shop: Path) -> None:
    every = {"models/every.sql": "select * from orders", "models/far.sql": "select * from every"}
    write(shop, every)
    old = SHOP["models/orders.sql"]
    found = since(shop, {"models/orders.sql": old.replace("amount,", "amount, 1 as one,")})
    assert of(found, "every").touched == ("one",)
    assert of(found, "far").touched == ("one",)
    assert of(found, "paid").effect is Effect.UNTOUCHED
    found = since(shop, {"models/orders.sql": old.replace("amount, ", "")})
    assert "loses amount with orders" in of(found, "every").because
    assert "loses amount with every" in of(found, "far").because


def test_places_are_no_names(shop: Path) -> None:
    write(shop, {"models/both.sql": "select * from orders union all select 1, 2, 3, 'x'"})
    old = SHOP["models/orders.sql"]
    found = since(
        shop, {"models/orders.sql": old.replace("order_id, customer_id", "customer_id, order_id")}
    )
    (change_of,) = of(found, "orders").columns
    assert str(change_of) == "columns in another order"
    assert of(found, "both").effect is Effect.TOUCHED
    assert of(found, "paid").effect is Effect.UNTOUCHED
    assert of(found, "paid").proof == "reads the columns of orders by their names"


def test_a_name_that_is_gone_may_mean_an_alias(shop: Path) -> None:
    write(
        shop,
        {"models/odd.sql": "select customer_id as amount, sum(amount) over () as s from orders"},
    )
    found = since(shop, change("orders", "amount, ", ""))
    assert of(found, "odd").effect in (Effect.TOUCHED, Effect.BREAKS)


def test_every_branch_of_a_template_counts(shop: Path) -> None:
    head = "/*\n---\nmaterialized: incremental\nunique_key: order_id\n---\n*/\n"
    text = (
        "select order_id, amount from orders {% if is_incremental() %} where amount > 1 {% endif %}"
    )
    write(shop, {"models/inc.sql": head + text, "models/last.sql": "select order_id from inc"})
    found = since(shop, {"models/inc.sql": head + text.replace("> 1", "> 2")})
    assert of(found, "inc").rows
    assert of(found, "last").effect is Effect.TOUCHED
    text = text.replace("amount >", "state >")
    write(shop, {"models/inc.sql": head + text})
    found = since(shop, change("orders", "status as state", "upper(status) as state"))
    assert of(found, "inc").touched == ("*",)


def test_a_check_or_a_key_of_a_column_that_is_gone_breaks(shop: Path) -> None:
    keys = "materialized: incremental\nunique_key: order_id\nchecks:\n  - not_null: amount"
    head = f"/*\n---\n{keys}\n---\n*/\n"
    write(shop, {"models/inc.sql": head + "select * from orders"})
    found = since(shop, change("orders", "order_id, customer_id, amount", "customer_id"))
    codes = {problem.code for problem in of(found, "inc").problems}
    assert of(found, "inc").effect is Effect.BREAKS
    assert codes == {"CHK004", "IMP006"}


def test_since_the_last_build_a_star_is_what_it_was_then(shop: Path) -> None:
    write(shop, {"models/all.sql": "select * from orders"})
    assert build(load(str(shop))).status == "success"
    write(shop, change("orders", "amount, ", ""))
    found = impact(load(str(shop)), "built")
    assert of(found, "all").because == ("loses amount with orders",)
    write(shop, {"seeds/raw_orders.csv": "order_id,customer_id,status\n1,7,paid\n"})
    found = impact(load(str(shop)), "built")
    assert "amount removed" in [str(each) for each in of(found, "raw_orders").columns]


def test_a_commit_is_read_whole_whatever_releases_leave_out(shop: Path) -> None:
    write(shop, {".gitattributes": "*.sql export-ignore\n"})
    git(shop, "init")
    git(shop, "add", "-A")
    git(shop, "commit", "-m", "first")
    write(shop, {"models/more.sql": "select 1 as x"})
    git(shop, "add", "-A")  # what is staged stays staged
    assert told(impact(load(str(shop)))) == {"more": (Change.ADDED, Effect.NONE)}
    staged = subprocess.run(
        ["git", "diff", "--cached", "--name-only"], cwd=shop, capture_output=True, check=True
    )
    assert staged.stdout.decode().split() == ["models/more.sql"]


def test_the_way_is_told_from_the_column_that_changed(shop: Path) -> None:
    write(shop, {"models/end.sql": "select total * 2 as twice from totals where total > 1"})
    found = since(shop, change("orders", "amount", "amount * 2 as amount"))
    assert of(found, "end").because == (
        "orders.amount -> totals.total -> twice",
        "orders.amount -> totals.total decides its rows: where",
    )


def test_the_conditions_that_went_and_came_are_told(shop: Path) -> None:
    text = SHOP["models/paid.sql"]
    assert "state = 'paid'" in text
    found = since(shop, {"models/paid.sql": text.replace("'paid'", "'sent' or amount > 1")})
    paid = of(found, "paid")
    assert paid.rows
    assert paid.conditions[0] == "- where: state = 'paid'"
    assert set(paid.conditions[1:]) == {"+ where: state = 'sent' or amount > 1"}
    assert "    + where: state = 'sent'" in unstyle(impact_text(found, str(shop)))


def test_a_column_is_told_beside_other_rows(shop: Path) -> None:
    old = SHOP["models/orders.sql"]
    new = old.replace("amount", "amount * 2 as amount").replace(
        "raw_orders", "raw_orders where 1 = 1"
    )
    found = since(shop, {"models/orders.sql": new})
    assert of(found, "orders").rows
    assert [each.column for each in of(found, "orders").columns] == ["amount"]


def test_signs_of_an_expression_are_no_markdown(shop: Path) -> None:
    found = since(shop, change("orders", "amount", "amount * 2 * 3 | 1 as amount"))
    (row,) = [line for line in impact_markdown(found).splitlines() if line.startswith("| `orders`")]
    assert r"amount \* 2 \* 3 \| 1" in row


def test_a_name_of_odd_signs_breaks_no_table(shop: Path) -> None:
    write(shop, {"models/a|b`c.sql": "select order_id from orders"})
    found = since(shop, {"models/a|b`c.sql": "select order_id + 1 as order_id from orders"})
    (row,) = [line for line in impact_markdown(found).splitlines() if "order_id computed" in line]
    assert row.startswith("| a\\|b\\`c | ")


CUT = "partition: {by: values, column: customer_id, values: ['7', '8']}"
MERGED = "materialized: incremental\nunique_key: customer_id"


@pytest.mark.parametrize("settings", [CUT, MERGED])
def test_a_column_that_rows_are_cut_or_merged_by_decides_which_there_are(
    shop: Path, settings: str
) -> None:
    head = f"/*\n---\n{settings}\n---\n*/\n"
    before = {"models/orders.sql": head + SHOP["models/orders.sql"]}
    write(shop, before)
    found = since(
        shop,
        {
            k: v.replace(", customer_id,", ", 15 - customer_id as customer_id,")
            for k, v in before.items()
        },
    )
    told = {each.asset: each for each in found.assets}
    assert told["counts"].effect is Effect.TOUCHED
    assert told["counts"].because == ("rows of orders",)
