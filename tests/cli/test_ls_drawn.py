"""`ls -o mermaid|dot`: the graph, or a selection of it, for others to draw."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from sqlpipes.cli import sqlpipes


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    queries = {"a": "select 1 as x", "b": "select x from a", "c": "select x from b"}
    for name, query in queries.items():
        (tmp_path / "models" / f"{name}.sql").write_text(query)
    return tmp_path


def drawn(root: Path, *arguments: str) -> str:
    found = CliRunner().invoke(sqlpipes, ["ls", "--project-dir", str(root), *arguments])
    assert found.exit_code == 0, found.output
    return found.stdout


def test_the_whole_graph_is_drawn(chain):
    lines = drawn(chain, "-o", "mermaid").splitlines()
    assert lines[0].startswith(("flowchart", "graph"))
    assert sum("-->" in line for line in lines) == 2
    assert not any("style" in line for line in lines), "none of them stands out"
    assert all(any(f'"{name}"' in line for line in lines) for name in "abc")


def test_what_is_left_out_is_led_through_by_a_faint_arrow(chain):
    text = drawn(chain, "-s", "a c", "-o", "mermaid")
    assert '"b"' not in text
    assert "-.->" in text
    dot = drawn(chain, "-s", "a c", "-o", "dot")
    assert dot.count("->") == 1
    assert "style=dashed" in dot


def test_nothing_of_a_kind_is_an_empty_graph(chain):
    assert drawn(chain, "--resource-type", "seed", "-o", "mermaid") == "flowchart LR\n"


def test_graphviz_reads_it(chain):
    if shutil.which("dot") is None:
        pytest.skip("Graphviz is not there")
    text = drawn(chain, "-o", "dot")
    said = subprocess.run(["dot", "-Tplain"], input=text, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert said.stdout.count("\nedge ") == 2


def test_a_search_is_not_drawn(chain):
    arguments = ["ls", "--project-dir", str(chain), "--search", "x", "-o", "dot"]
    found = CliRunner().invoke(sqlpipes, arguments)
    assert found.exit_code == 2
    assert "no -o dot" in found.output


NASTY = [
    "end",
    "graph",
    'a"b',
    "a[b]",
    "a|b",
    "<b>bold<b>",
    "&amp;",
    "a\\nb",
    "ünï",
    "{x}",
    "$$x$$",
]


def test_graphviz_draws_names_of_any_letters(tmp_path):
    if shutil.which("dot") is None:
        pytest.skip("Graphviz is not there")
    (tmp_path / "models").mkdir()
    for name in NASTY:
        (tmp_path / "models" / f"{name}.sql").write_text("select 1 as x")
    said = subprocess.run(
        ["dot", "-Tsvg"], input=drawn(tmp_path, "-o", "dot"), capture_output=True, text=True
    )
    assert (said.returncode, said.stderr) == (0, "")
    shown = [html.unescape(each) for each in re.findall(r"<text[^>]*>([^<]*)<", said.stdout)]
    assert sorted(shown) == sorted(NASTY)


def test_mermaid_is_given_no_name_that_means_something_to_it(tmp_path):
    """What Mermaid 11 makes of the labels was looked at in a browser: each is shown as it is written."""
    (tmp_path / "models").mkdir()
    for name in ("direction TB", "a\\nb", "$$x$$", "`t`"):
        (tmp_path / "models" / f"{name}.sql").write_text("select 1 as x")
    text = drawn(tmp_path, "-o", "mermaid")
    assert not re.search(r"direction\s|\\|\$|`", text)
