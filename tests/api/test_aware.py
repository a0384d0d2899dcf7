"""What reads only columns that stayed is not built, and whatever is not proven is: on real projects."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from edited import (
    EDITS,
    RAW,
    TABLE,
    USERS,
    build,
    built,
    held_and_true,
    is_settled,
    make_shop,
    write,
)
from places import Place

import sqlpipes


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_shop(tmp_path)


READERS = {  # name -> what it does with the table, whose column `email` gets other values
    "ids": "select id from users",
    "sums": "select id, sum(amount) as total from users group by id",
    "rows": "select count(*) as n from users",
    "in_cte": "with u as (select * from users) select id from u",
    "nested": "select id from (select id, email from users)",
    "windowed": "select id, sum(amount) over (partition by day) as s from users",
    "joined": "select u.id, r.amount from users u join raw r on r.id = u.id",
    "exists": "select id from raw where exists (select 1 from users u where u.id = raw.id)",
    "without": "select * exclude (email) from users",
}
TOUCHED = {
    "stars": "select * from users",
    "whole_row": "select u from users u",
    "as_json": "select to_json(u) as j from users u",
    "hashed": "select hash(u) as h from users u",
    "filtered": "select id from users where email <> 'a@x'",
    "grouped": "select max(id) as id from users group by email",
    "ordered": "select id from users order by email, id limit 1",
    "distinct_rows": "select count(*) as n from (select distinct email from users)",
    "united": "select id from users union select length(email) from users",
    "in_join": "select u.id from users u join users v on u.email = v.email and u.id < v.id",
    "in_window": "select id, row_number() over (order by email, id) as n from users",
    "qualified": "select id from users qualify row_number() over (order by email, id) = 1",
    "correlated": "select id, (select max(v.id) from users v where v.email = u.email) as m from users u",
    "in_exists": "select id from raw where exists (select 1 from users u where u.email = raw.email)",
    "pattern": "select columns('e.*') from users",
    "packed": "select struct_pack(e := email) as s from users",
    "counted": "select count(distinct email) as n from users",
    "listed": "select list(email order by id) as l from users",
    "newest": "select max_by(id, email) as m from users",
    "renamed": "select y from users as t(x, z, y, w)",
    "ranked": "select id, sum(amount) over (order by email, id) as s from users",
    "having_it": "select id from users group by id having max(email) <> 'a@x'",
    "except_it": "select email from raw except select email from users",
    "lateral": "select id, l.e from users, lateral (select email || '!' as e) l",
    "unpivoted": "select * from (unpivot (select id, email, cast(day as varchar) as d from users) "
    "on email, d into name n value v)",
    "asof": "select u.id from raw r asof join users u on r.email >= u.email",
    "described": "select count(*) as n from (summarize users)",
    "everything": "from users",
    "natural": "select count(*) as n from users natural join raw",
    "used": "select users.id from users join raw using (id, email)",
}


@pytest.mark.parametrize("edit", EDITS)
def test_every_reader_is_right_whatever_it_does_with_a_column(shop: Path, edit: str) -> None:
    everything = READERS | TOUCHED
    for name, query in everything.items():
        write(shop, name, query)
    build(shop)
    write(shop, "users", EDITS[edit])
    report = build(shop)
    held, true = held_and_true(shop, everything)
    assert held == true
    assert is_settled(shop)
    if edit == "other values":
        assert not built(report) & READERS.keys()
        assert {each.asset for each in report.plan.spared} == READERS.keys()
    if edit == "other rows":
        assert built(report) >= READERS.keys()


def test_the_proof_is_told(shop: Path) -> None:
    write(shop, "sums", READERS["sums"])
    build(shop)
    write(shop, "users", EDITS["at the end"])
    [spared] = build(shop).plan.spared
    assert (spared.asset, spared.proof) == (
        "sums",
        "reads only amount, id of users; changed: extra",
    )


def test_switched_off_all_columns_count(shop: Path) -> None:
    (shop / "sqlpipes.yml").write_text("name: shop\ncolumn_aware: false\n")
    write(shop, "ids", READERS["ids"])
    build(shop)
    write(shop, "users", EDITS["at the end"])
    report = build(shop)
    assert built(report) == {"users", "ids"}
    assert report.plan.spared == ()
    assert is_settled(shop)


def test_switching_it_on_or_off_between_builds_is_sound(shop: Path) -> None:
    write(shop, "ids", READERS["ids"])
    write(shop, "hashed", TOUCHED["hashed"])
    for said, edit in (("false", "at the end"), ("true", "other values"), ("false", "other rows")):
        (shop / "sqlpipes.yml").write_text(f"name: shop\ncolumn_aware: {said}\n")
        build(shop)
        write(shop, "users", EDITS[edit])
        build(shop)
        held, true = held_and_true(shop, {"ids": READERS["ids"], "hashed": TOUCHED["hashed"]})
        assert held == true
        assert is_settled(shop)


CHAIN = {
    "below": "select id, email from users",
    "lower": "select id, email || '!' as mail from below",
    "leaf_ids": "select id from lower",
    "leaf_mails": "select mail from lower",
}


@pytest.mark.parametrize("how", ["view", "ephemeral", "table"])
@pytest.mark.parametrize("edit", EDITS)
def test_a_change_goes_through_what_is_between(shop: Path, how: str, edit: str) -> None:
    for name, query in CHAIN.items():
        head = TABLE if name.startswith("leaf") else TABLE.replace("table", how)
        write(shop, name, query, head)
    build(shop)
    write(shop, "users", EDITS[edit])
    done = built(build(shop))
    assert ("leaf_ids" in done) == (edit == "other rows")
    assert ("leaf_mails" in done) == (edit in ("other rows", "other values"))
    with duckdb.connect(str(shop / "shop.duckdb")) as db:
        ids, true = (db.execute(q).fetchall() for q in ("from leaf_ids", "select id from users"))
        mails = db.execute("from leaf_mails").fetchall()
        said = db.execute("select email || '!' from users").fetchall()
    assert sorted(ids) == sorted(true)
    assert sorted(mails) == sorted(said)
    assert is_settled(shop)


@pytest.mark.parametrize("how", ["view", "ephemeral", "table"])
def test_an_edit_of_what_is_between_goes_on_in_its_columns(shop: Path, how: str) -> None:
    for name, query in CHAIN.items():
        head = TABLE if name.startswith("leaf") else TABLE.replace("table", how)
        write(shop, name, query, head)
    build(shop)
    write(shop, "below", "select id, upper(email) as email from users", TABLE.replace("table", how))
    done = built(build(shop))
    assert "leaf_mails" in done
    assert ("leaf_ids" in done) == (how == "ephemeral")  # its own query is another one then
    with duckdb.connect(str(shop / "shop.duckdb")) as db:
        mails = db.execute("select mail from leaf_mails order by 1").fetchall()
    assert mails[0] == ("A@X!",)
    assert is_settled(shop)


def test_two_edits_in_a_row_before_the_reader_is_built(shop: Path) -> None:
    write(shop, "ids", READERS["ids"])
    write(shop, "mails", "select email from users")
    build(shop)
    write(shop, "users", EDITS["other values"])
    build(shop, select=("users",))
    write(shop, "users", EDITS["other values"].replace("amount,", "amount + 1 as amount,"))
    assert built(build(shop)) == {"users", "mails"}
    held, true = held_and_true(shop, {"mails": "select email from users"})
    assert held == true


def test_an_edit_that_is_taken_back_builds_only_what_read_it(shop: Path) -> None:
    write(shop, "mails", "select email from users")
    build(shop)
    write(shop, "users", EDITS["other values"])
    build(shop, select=("users",))
    write(shop, "users", USERS)
    assert built(build(shop)) == {"users", "mails"}
    assert is_settled(shop)


UNPROVEN = {  # how the table is written so that nothing is known of its columns
    "volatile": (TABLE, "select id, amount, {}, random() as day from raw"),
    "hooks": (TABLE.replace("\n---\n*", "\nbefore: [select 1]\n---\n*"), "select id, amount, {} from raw"),
    "a window without an order": (TABLE, "select row_number() over () as id, amount, {} from raw"),
    "merged": (
        "/*\n---\nmaterialized: incremental\nunique_key: id\n---\n*/\n",
        "select id, amount, {} from raw",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", UNPROVEN)
def test_what_is_written_otherwise_counts_as_a_whole(shop: Path, how: str) -> None:
    head, text = UNPROVEN[how]
    write(shop, "users", text.format("email"), head)
    write(shop, "ids", READERS["ids"])
    build(shop)
    write(shop, "users", text.format("'z' as email"), head)
    assert "ids" in built(build(shop))


def test_a_forced_build_counts_as_a_whole(shop: Path) -> None:
    write(shop, "ids", READERS["ids"])
    build(shop)
    write(shop, "users", EDITS["other values"])
    build(shop, select=("users",), force=True)
    assert built(build(shop)) == {"ids"}


def test_new_data_and_an_edit_at_once_count_as_a_whole(shop: Path) -> None:
    write(shop, "ids", READERS["ids"])
    build(shop)
    (shop / "seeds" / "raw.csv").write_text(RAW + "4,40,d@x,2024-01-04\n")
    write(shop, "users", EDITS["other values"])
    assert "ids" in built(build(shop))
    held, true = held_and_true(shop, {"ids": READERS["ids"]})
    assert held == true


def test_new_data_between_the_edit_and_the_build_of_its_readers(shop: Path) -> None:
    write(shop, "ids", READERS["ids"])
    build(shop)
    write(shop, "users", EDITS["other values"])
    build(shop, select=("users",))
    (shop / "seeds" / "raw.csv").write_text(RAW + "4,40,d@x,2024-01-04\n")
    assert built(build(shop)) == {"raw", "users", "ids"}
    assert is_settled(shop)


def test_a_function_that_reads_it_is_called(shop: Path) -> None:
    (shop / "models").mkdir(exist_ok=True)
    (shop / "models" / "scored.py").write_text(
        "from sqlpipes import asset\n\n\n@asset\ndef scored(users):\n    return users.project('id')\n"
    )
    build(shop)
    write(shop, "users", EDITS["at the end"])
    assert "scored" in built(build(shop))


def test_slices_of_an_edited_table_are_spared_below(shop: Path) -> None:
    sliced = (
        "/*\n---\npartition: {by: day, column: day, start: 2024-01-01, end: 2024-01-04}\n---\n*/\n"
    )
    write(shop, "users", USERS, sliced)
    write(shop, "daily", "select day, sum(amount) as total from users group by day", sliced)
    write(shop, "mails", "select day, email from users", sliced)
    build(shop)
    write(shop, "users", EDITS["other values"], sliced)
    report = build(shop)
    assert built(report) == {"users", "mails"}
    assert [each.asset for each in report.plan.spared] == ["daily"]
    held, true = held_and_true(shop, {"mails": "select day, email from users"})
    assert held == true
    assert is_settled(shop)


def test_a_template_that_reads_a_variable_is_taken_as_it_is_rendered(shop: Path) -> None:
    write(shop, "ids", READERS["ids"])
    for number in (1, 2):
        (shop / "sqlpipes.yml").write_text(
            f"name: shop\nvars: {{least: {number}, word: w{number}}}\n"
        )
        write(shop, "users", "select id, amount, '{{ var('word') }}' as email, day from raw")
        last = build(shop)
    assert "users" in built(last)
    assert "ids" not in built(last)
    write(shop, "users", USERS + " where id > {{ var('least') }}")
    assert "ids" in built(build(shop))
    held, true = held_and_true(shop, {"ids": READERS["ids"]})
    assert held == true


def test_a_check_that_fails_publishes_nothing_and_the_mended_query_is_right(shop: Path) -> None:
    checked = "/*\n---\nmaterialized: table\nchecks: [{unique: [id]}]\n---\n*/\n"
    write(shop, "users", USERS, checked)
    write(shop, "ids", READERS["ids"])
    build(shop)
    write(shop, "users", "select 1 as id, amount, email, day from raw", checked)
    project = sqlpipes.load(str(shop), environ={})
    assert not sqlpipes.build(project).ok
    write(shop, "users", EDITS["other values"], checked)
    build(shop)
    held, true = held_and_true(shop, {"ids": READERS["ids"]})
    assert held == true
    assert is_settled(shop)


def test_a_state_that_is_carried_knows_it_still(shop: Path, tmp_path: Path) -> None:
    write(shop, "ids", READERS["ids"])
    write(shop, "mails", "select email from users")
    build(shop)
    write(shop, "users", EDITS["other values"])
    build(shop, select=("users",))
    project = sqlpipes.load(str(shop), environ={})
    backup = str(tmp_path / "backup.jsonl")
    sqlpipes.api.export_state(project, backup)
    sqlpipes.api.import_state(project, backup, replace=True)
    assert built(build(shop)) == {"mails"}


@pytest.mark.parametrize("edit", EDITS)
def test_views_that_are_spared_go_on_to_work_on_a_server(
    shop: Path, postgres_database: str, edit: str
) -> None:
    place = Place("postgres", postgres_database)
    place.empty()
    place.prepare(shop)
    write(shop, "ids", READERS["ids"], "")
    write(shop, "leaf", "select id from ids")
    write(shop, "mails", "select email from users", "")
    build(shop)
    write(shop, "users", EDITS[edit])
    done = built(build(shop))
    assert {"ids", "leaf"} & done == ({"ids", "leaf"} if edit == "other rows" else set())
    for name, query in {"ids": "id", "leaf": "id", "mails": "email"}.items():
        held = place.sql(shop, f"select * from main.{name} order by 1")
        assert held == place.sql(shop, f"select {query} from main.users order by 1")
    assert is_settled(shop)


DAYS = "/*\n---\npartition: {by: day, column: day, start: 2024-01-01, end: 2024-01-04}\n---\n*/\n"
MAILS = "/*\n---\npartition: {by: values, column: Email, values: [a@x, b@x]}\n---\n*/\n"
BY_DAY = "select id, amount, email, cast(day + interval 2 day as date) as day from raw"
BY_MAIL = "select id, amount, replace(email, 'b', 'c') as email, day from raw"


@pytest.mark.parametrize(("head", "query"), [(DAYS, BY_DAY), (MAILS, BY_MAIL)])
def test_a_column_that_rows_are_cut_by_decides_which_there_are(
    shop: Path, head: str, query: str
) -> None:
    readers = {"sums": "select sum(amount) as total from users", "ids": READERS["ids"]}
    write(shop, "users", USERS, head)
    for name, text in readers.items():
        write(shop, name, text)
    build(shop)
    write(shop, "users", query, head)
    assert built(build(shop)) == {"users", *readers}
    held, true = held_and_true(shop, readers)
    assert held == true
    assert is_settled(shop)


def test_where_a_row_stands_in_its_table_may_move_with_any_column(shop: Path) -> None:
    readers = {
        "places": "select id, rowid as place from users",
        "first_row": "select id from users where rowid = 0",
    }
    for name, text in readers.items():
        write(shop, name, text)
    build(shop)
    write(
        shop,
        "users",
        f"{USERS.removesuffix(' from raw')}, row_number() over w as n from raw "
        "window w as (order by email desc, id desc)",
    )
    build(shop)
    held, true = held_and_true(shop, readers)
    assert held == true


CHOOSERS = {  # of several right answers each takes the one that the table's order suggests
    "any": "select any_value(id) as id from users",
    "last": "select last(id) as id from users",
    "listed_ids": "select list(id) as ids from users",
    "in_array": "select array(select id from users) as ids",
    "numbered": "select id, row_number() over () as n from users",
    "tied": "select id, row_number() over (order by length(day::varchar)) as n from users",
    "best": "select arg_max(id, length(day::varchar)) as id from users",
    "one": "select raw.id, (select u.id from users u limit 1) as other from raw",
    "nearest": "select r.id, u.id as other from raw r asof join (select id, 1 as k from users) u "
    "on r.id >= u.k",
    "keyed": "with recursive r(k, v) using key (k) as (select 1, id from users union "
    "select k, v from r where false) select v from r",
    "through_a_view": "select first from firsts",
}


def test_who_chooses_by_the_order_of_rows_is_built(shop: Path) -> None:
    write(shop, "firsts", "select first(id) as first, count(*) as n from users", "")
    write(shop, "counted", "select n from firsts")
    for name, text in CHOOSERS.items():
        write(shop, name, text)
    build(shop)
    query = "row_number() over (order by email desc, id desc) as n"
    write(shop, "users", USERS.replace(" from", f", {query} from"))
    report = build(shop)
    held, true = held_and_true(shop, CHOOSERS)
    assert held == true
    assert "counted" not in built(report)
    assert is_settled(shop)
