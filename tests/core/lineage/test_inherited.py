"""Descriptions of columns along lineage: through copies of any number, never through anything else."""

from __future__ import annotations

import pytest
from read.folders import write

from sqlpipes.api import column_docs, lineage, load

BASE = {
    "sqlpipes.yml": "name: shop\n",
    "models/sources.yml": (
        "sources:\n  - name: raw\n    tables:\n      - name: orders\n        columns:\n"
        "          - {name: id, type: int, description: Number of the order.}\n"
        "          - {name: amount, type: int, description: In cents.}\n"
        "          - {name: note, type: text}\n"
        "      - name: refunds\n        columns:\n"
        "          - {name: id, type: int, description: Number of the order.}\n"
        "          - {name: amount, type: int, description: Given back.}\n"
        "          - {name: note, type: text}\n"
    ),
}


def docs(root, **models):
    files = {f"models/{name}.sql": text for name, text in models.items()}
    project = load(str(write(root, {**BASE, **files})))
    assert project.errors == ()
    return {
        f"{asset}.{column.name}": (column.description, str(column.origin or ""))
        for asset, columns in column_docs(project).items()
        for column in columns
    }


def test_a_copy_of_a_copy_means_the_same(tmp_path):
    found = docs(
        tmp_path,
        a="select * from raw.orders",
        b="select id as order_id, amount from a",
        c="with x as (select order_id as n, amount from b) select n, amount as cents from x",
    )
    assert found["a.id"] == ("Number of the order.", "raw.orders.id")
    assert found["b.order_id"] == ("Number of the order.", "raw.orders.id")
    assert found["c.n"] == ("Number of the order.", "raw.orders.id")
    assert found["c.cents"] == ("In cents.", "raw.orders.amount")
    assert found["a.note"] == ("", "")


def test_the_nearest_description_wins_and_its_own_is_the_nearest(tmp_path):
    found = docs(
        tmp_path,
        a="select id,\n  amount  -- what was paid\nfrom raw.orders",
        b="select id, amount from a",
    )
    assert found["a.amount"] == ("what was paid", "")
    assert found["b.amount"] == ("what was paid", "a.amount")


@pytest.mark.parametrize(
    "expression",
    [
        "sum(amount)",
        "max(amount)",
        "amount + 0",
        "cast(amount as bigint)",
        "coalesce(amount, 0)",
        "case when id > 1 then amount end",
        "first_value(amount) over (order by id)",
        "(select amount from raw.refunds limit 1)",
        "1",
    ],
)
def test_nothing_is_inherited_through_an_expression(tmp_path, expression):
    by = " group by all" if "(" in expression and "over" not in expression else ""
    found = docs(tmp_path, a=f"select id, {expression} as amount from raw.orders{by}")
    text, _ = found["a.amount"]
    assert text in ("", "Given back.")  # a subquery of one column is a copy of that one
    assert found["a.id"][0] == "Number of the order."


def test_of_a_union_only_what_both_sides_say(tmp_path):
    union = (
        "select id, amount, note from raw.orders union all select id, amount, note from raw.refunds"
    )
    found = docs(tmp_path, a=union)
    assert found["a.id"][0] == "Number of the order."
    assert found["a.amount"] == ("", "")


def test_letter_case_and_ephemeral_assets_do_not_matter(tmp_path):
    found = docs(
        tmp_path,
        a="/*\n---\nmaterialized: ephemeral\n---\n*/\nselect ID as Order_Id from raw.orders",
        b='select ORDER_ID as "Best" from a',
    )
    assert found["b.Best"] == ("Number of the order.", "raw.orders.id")


def test_a_join_takes_each_from_its_own_side(tmp_path):
    found = docs(
        tmp_path,
        a="select o.id, r.amount as back, o.amount from raw.orders o join raw.refunds r on o.id = r.id",
    )
    assert found["a.back"] == ("Given back.", "raw.refunds.amount")
    assert found["a.amount"] == ("In cents.", "raw.orders.amount")


def test_columns_of_files_are_those_of_the_source_that_declares_them(tmp_path):
    declared = (
        "sources:\n  - name: t\n    tables:\n      - name: v\n        files: raw/*.csv\n"
        "        columns: [{name: id, description: Number.}]\n"
    )
    files = {
        "raw/a.csv": "id,n\n1,2\n",
        "models/files.yml": declared,
        "models/t1.sql": "{% set x = 1 %}select id from read_csv('raw/*.csv')",
    }
    write(tmp_path, files)
    found = docs(
        tmp_path,
        a="select id, n as m from read_csv('raw/*.csv')",
        b="select id from './raw/*.csv'",
        c="select id as k from a",
        d="select id from read_csv('other/*.csv')",
    )
    for column in ("a.id", "b.id", "c.k", "t1.id"):
        assert found[column] == ("Number.", "t.v.id")
    assert found["a.m"] == found["d.id"] == ("", "")
    facts = lineage(load(str(tmp_path))).facts
    assert {edge.table for edge in facts["b"].edges} == {"t.v"}
    assert {edge.table for edge in facts["d"].edges} == {"other/*.csv"}
