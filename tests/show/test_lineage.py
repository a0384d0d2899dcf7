"""`lineage`: assets and columns as a tree, JSON, Mermaid and Graphviz; hostile names do no harm."""

from __future__ import annotations

import json
import re

import pytest
from click import unstyle
from hypothesis import given, settings
from hypothesis import strategies as st

from sqlpipes.core.asset import Asset, Column, Kind, Materialized, SourceBody, SqlBody
from sqlpipes.core.errors import Location
from sqlpipes.core.graph import Graph, Input
from sqlpipes.core.lineage import ColumnFacts, Edge, EdgeKind, Lineage, RowSetKind
from sqlpipes.show.lineage import asset_lineage, column_lineage

AT = Location("x.sql")


def graph(reads: dict[str, str], kinds: dict[str, Kind] | None = None) -> Graph:
    """`reads`: name -> what it reads, spaced; inputs first."""
    kind = {name: (kinds or {}).get(name, Kind.SQL) for name in reads}
    assets = {
        name: Asset(
            name=name,
            kind=kind[name],
            materialized=Materialized.VIEW,
            relation=None,
            body=SourceBody() if kind[name] is Kind.SOURCE else SqlBody(""),
            version="1.1",
            at=AT,
            path=f"models/{name}.sql",
        )
        for name in reads
    }
    inputs = {name: tuple(Input(n, AT) for n in read.split()) for name, read in reads.items()}
    return Graph(assets, inputs, tuple(reads))


SHOP = graph(
    {"raw": "", "fx": "", "stg": "raw", "orders": "stg fx", "report": "orders stg", "alone": ""},
    {"raw": Kind.SEED, "fx": Kind.SOURCE, "report": Kind.PYTHON},
)


def columns(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names)


TRACED = Lineage(
    {
        "raw": ColumnFacts(columns("id", "amt", "state")),
        "fx": ColumnFacts(columns("rate"), complete=False),
        "stg": ColumnFacts(
            columns("id", "amount"),
            (
                Edge("id", "raw", "id", EdgeKind.COPIED),
                Edge("amount", "raw", "amt", EdgeKind.CAST, "amt::decimal", 3),
                Edge(None, "raw", "state", RowSetKind.WHERE, "state <> 'void'", 7),
            ),
        ),
        "orders": ColumnFacts(
            columns("revenue", "label"),
            (
                Edge("revenue", "stg", "amount", EdgeKind.AGGREGATED, "sum(amount\n  * rate)"),
                Edge("revenue", "fx", "rate", EdgeKind.AGGREGATED, "sum(amount\n  * rate)"),
                Edge("label", "", "", EdgeKind.CONSTANT, "'shop'"),
                Edge(None, "stg", "id", RowSetKind.ORDER_LIMIT, "id limit 3"),
            ),
        ),
        "report": ColumnFacts(
            (),
            (
                Edge("*", "orders", "*", EdgeKind.UNKNOWN),
                Edge(None, "orders", "REVENUE", RowSetKind.WHERE, "revenue > 0"),
            ),
            complete=False,
        ),
    }
)


def tree(text: str) -> list[str]:
    return [line.rstrip() for line in unstyle(text).splitlines()]


def test_both_directions_of_an_asset() -> None:
    assert tree(asset_lineage(SHOP, "orders")) == [
        "orders  sql view",
        "reads",
        "├── stg      sql view",
        "│   └── raw  seed",
        "└── fx       source",
        "read by",
        "└── report  python view",
    ]


def test_one_direction_needs_no_heading() -> None:
    assert tree(asset_lineage(SHOP, "orders", up=False)) == [
        "orders  sql view",
        "└── report  python view",
    ]
    assert tree(asset_lineage(SHOP, "raw", up=True)) == ["raw  seed", "reads nothing"]
    assert tree(asset_lineage(SHOP, "report", up=False)) == [
        "report  python view",
        "nothing reads it",
    ]
    assert tree(asset_lineage(SHOP, "alone")) == [
        "alone  sql view",
        "reads nothing",
        "nothing reads it",
    ]


def test_what_is_met_twice_is_unfolded_where_it_is_nearest() -> None:
    assert tree(asset_lineage(SHOP, "report", up=True)) == [
        "report  python view",
        "├── orders   sql view",
        "│   ├── stg  sql view  (unfolded elsewhere)",
        "│   └── fx   source",
        "└── stg      sql view",
        "    └── raw  seed",
    ]


def test_depth_cuts_and_says_so() -> None:
    assert tree(asset_lineage(SHOP, "report", up=True, depth=1)) == [
        "report  python view",
        "├── orders  sql view  (+2)",
        "└── stg     sql view  (+1)",
    ]
    assert "raw" in asset_lineage(SHOP, "report", up=True, depth=2)
    assert tree(asset_lineage(SHOP, "raw", up=False, depth=1))[1:] == ["└── stg  sql view  (+2)"]


@pytest.mark.long
def test_a_chain_of_thousands_is_no_trouble() -> None:
    chain = graph({f"n{i}": f"n{i - 1}" if i else "" for i in range(3000)})
    lines = tree(asset_lineage(chain, "n2999", up=True))
    assert len(lines) == 3000
    assert lines[-1].endswith("└── n0  sql view")


def test_a_ladder_of_diamonds_does_not_explode() -> None:
    reads = {"n0": "", "m0": ""}
    for i in range(1, 60):
        reads |= {f"n{i}": f"n{i - 1} m{i - 1}", f"m{i}": f"n{i - 1} m{i - 1}"}
    assert len(tree(asset_lineage(graph(reads), "n59", up=True))) < 4 * 60


def test_json_of_assets() -> None:
    found = json.loads(asset_lineage(SHOP, "stg", form="json"))
    assert found["asset"] == "stg"
    assert [a["name"] for a in found["assets"]] == ["stg", "raw", "orders", "report"]
    assert found["assets"][1] == {
        "name": "raw",
        "kind": "seed",
        "materialized": "view",
        "path": "models/raw.sql",
    }
    assert found["edges"] == [
        {"from": "raw", "to": "stg"},
        {"from": "stg", "to": "orders"},
        {"from": "stg", "to": "report"},
        {"from": "orders", "to": "report"},
    ]


def test_mermaid_of_assets() -> None:
    assert asset_lineage(SHOP, "orders", form="mermaid").splitlines() == [
        "flowchart LR",
        '    n0["orders"]',
        '    n1["stg"]',
        '    n2[("fx")]',
        '    n3[/"raw"/]',
        '    n4["report"]',
        "    n1 --> n0",
        "    n2 --> n0",
        "    n3 --> n1",
        "    n0 --> n4",
        "    style n0 stroke-width:3px",
    ]


def test_dot_of_assets() -> None:
    assert asset_lineage(SHOP, "raw", form="dot", depth=1).splitlines() == [
        "digraph lineage {",
        "    rankdir=LR;",
        '    node [shape=box, fontname="sans-serif"];',
        '    n0 [label="raw", shape=note, penwidth=3];',
        '    n1 [label="stg"];',
        "    n0 -> n1;",
        "}",
    ]


def test_an_unknown_form() -> None:
    with pytest.raises(ValueError, match="svg"):
        asset_lineage(SHOP, "raw", form="svg")


# columns


def test_where_a_column_comes_from() -> None:
    assert tree(column_lineage(TRACED, "orders", "revenue", up=True)) == [
        "orders.revenue",
        "comes from",
        "├── stg.amount   aggregated: sum(amount * rate)",
        "│   └── raw.amt  cast: amt::decimal",
        "└── fx.rate      aggregated: sum(amount * rate)",
        "rows decided by",
        "├── stg.id     order limit: id limit 3",
        "└── raw.state  where: state <> 'void' (in stg)",
        "not certain: not all is known of fx",
    ]


def test_what_a_column_goes_into() -> None:
    assert tree(column_lineage(TRACED, "raw", "amt", up=False)) == [
        "raw.amt",
        "goes into",
        "└── stg.amount          cast: amt::decimal",
        "    └── orders.revenue  aggregated: sum(amount * rate)",
        "        └── report.*    unknown",
        "decides the rows of",
        "└── report  where: revenue > 0 (by orders.revenue)",
        "not certain: not all is known of report",
    ]


def test_a_column_that_only_decides_rows() -> None:
    assert tree(column_lineage(TRACED, "raw", "state")) == [
        "raw.state",
        "comes from no column",
        "goes into no column",
        "decides the rows of",
        "└── stg  where: state <> 'void'",
    ]


def test_a_constant() -> None:
    lines = tree(column_lineage(TRACED, "orders", "label", up=True))
    assert lines == [
        "orders.label",
        "comes from no column",
        "rows decided by",
        "└── stg.id  order limit: id limit 3",
    ]


def test_depth_of_columns() -> None:
    assert tree(column_lineage(TRACED, "orders", "revenue", up=True, depth=1))[2:4] == [
        "├── stg.amount  aggregated: sum(amount * rate)  (+1)",
        "└── fx.rate     aggregated: sum(amount * rate)",
    ]


def test_a_doubtful_step_is_marked() -> None:
    lines = column_lineage(TRACED, "orders", "revenue", up=False).splitlines()
    assert any("report.*" in line and "\x1b[33munknown" in line for line in lines)


def test_json_of_columns() -> None:
    found = json.loads(column_lineage(TRACED, "stg", "amount", up=True, form="json"))
    assert found == {
        "asset": "stg",
        "column": "amount",
        "complete": True,
        "unknown_in": [],
        "columns": [
            {"asset": "stg", "column": "amount"},
            {"asset": "raw", "column": "amt"},
            {"asset": "raw", "column": "state"},
            {"asset": "stg", "column": None},
        ],
        "edges": [
            {
                "from": {"asset": "raw", "column": "amt"},
                "to": {"asset": "stg", "column": "amount"},
                "kind": "cast",
                "rows": False,
                "expression": "amt::decimal",
                "at": {"file": "", "line": 3, "column": 1, "length": 0},
            },
            {
                "from": {"asset": "raw", "column": "state"},
                "to": {"asset": "stg", "column": None},
                "kind": "where",
                "rows": True,
                "expression": "state <> 'void'",
                "at": {"file": "", "line": 7, "column": 1, "length": 0},
            },
        ],
    }
    assert json.loads(column_lineage(TRACED, "fx", "rate", form="json"))["unknown_in"] == [
        "fx",
        "report",
    ]


def test_mermaid_of_columns_has_a_box_for_each_asset() -> None:
    assert column_lineage(TRACED, "stg", "amount", up=True, form="mermaid").splitlines() == [
        "flowchart LR",
        '    subgraph g0["stg"]',
        '        n0["amount"]',
        '        n3["rows"]',
        "    end",
        '    subgraph g1["raw"]',
        '        n1["amt"]',
        '        n2["state"]',
        "    end",
        '    n1 -->|"cast: amt::decimal"| n0',
        "    n2 -.->|\"where: state #lt;#gt; 'void'\"| n3",
        "    style n0 stroke-width:3px",
    ]


def test_dots_in_names_join_nothing() -> None:
    """Column c of 'a.b' is not column b.c of 'a'."""
    traced = Lineage(
        {
            "a": ColumnFacts(columns("b.c")),
            "a.b": ColumnFacts(columns("c")),
            "x": ColumnFacts(columns("c"), (Edge("c", "a.b", "c", EdgeKind.COPIED),)),
            "y": ColumnFacts(columns("c"), (Edge("c", "a", "b.c", EdgeKind.COPIED),)),
        }
    )
    assert tree(column_lineage(traced, "a", "b.c", up=False)) == [
        "a.b.c",
        "goes into",
        "└── y.c  copied",
    ]
    assert tree(column_lineage(traced, "a.b", "c", up=False)) == [
        "a.b.c",
        "goes into",
        "└── x.c  copied",
    ]


def test_a_count_of_rows_hangs_on_the_rows_alone() -> None:
    """Unknown columns of b stand for its rows; its column d does not."""
    traced = Lineage(
        {
            "a": ColumnFacts(columns("c")),
            "b": ColumnFacts(
                columns("d"),
                (Edge("d", "a", "c", EdgeKind.COPIED), Edge("*", "a", "c", EdgeKind.UNKNOWN)),
            ),
            "r": ColumnFacts(columns("n"), (Edge(None, "b", "*", RowSetKind.FROM),)),
        }
    )
    assert tree(column_lineage(traced, "a", "c", up=False)) == [
        "a.c",
        "goes into",
        "├── b.d  copied",
        "└── b.*  unknown",
        "decides the rows of",
        "└── r  from (by b.*)",
    ]


# hostile names

HOSTILE = st.text(
    alphabet=st.sampled_from('a"\\`<>#&;[](){}|-\n\r\t\x1b\x00%{}:é💥\u202e'),
    min_size=1,
    max_size=8,
)
LABEL = r'"(?:[^"\n`<>]*)"'
MERMAID = re.compile(
    rf"(flowchart LR|    n\d+(\[{LABEL}\]|\[\({LABEL}\)\]|\[/{LABEL}/\])"
    rf"|    n\d+ -->(\|{LABEL}\|)? n\d+|    style n\d+ stroke-width:3px)"
)
DOT = re.compile(
    r'(digraph lineage \{|\}|    rankdir=LR;|    node \[shape=box, fontname="sans-serif"\];'
    r'|    n\d+ \[label="(?:[^"\\\n]|\\\\|\\")*"(, shape=\w+)?(, penwidth=3)?\];|    n\d+ -> n\d+;)'
)


@given(HOSTILE, HOSTILE)
@settings(deadline=None, max_examples=150)
def test_names_cannot_break_out_of_any_form(one: str, two: str) -> None:
    if one.split() != [one] or one == two:
        return
    odd = graph({one: "", two: one})
    mermaid = asset_lineage(odd, two, form="mermaid")
    assert all(MERMAID.fullmatch(line) for line in mermaid.split("\n"))
    dot = asset_lineage(odd, two, form="dot")
    assert all(DOT.fullmatch(line) for line in dot.split("\n"))
    assert json.loads(asset_lineage(odd, two, form="json"))["edges"] == [{"from": one, "to": two}]
    shown = unstyle(asset_lineage(odd, two, up=True))
    assert len(shown.split("\n")) == 2
    assert all(line.isprintable() for line in shown.split("\n"))
