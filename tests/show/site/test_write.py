"""The folder that `docs` writes: ours alone, brought up to date, and safe to open."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from cli.projects import SHOP, ok, run, write
from show.site.sites import built, document

PAGE = Path(__file__).parents[3] / "sqlpipes/show/site/page"


def below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_folder_holds_the_page_and_its_data_and_nothing_else(tmp_path):
    site = built(tmp_path)
    front = below(PAGE)
    assert below(site) == front | set(
        json.loads((site / "sqlpipes-docs.json").read_text())["files"]
    ) | {"sqlpipes-docs.json"}
    assert {"data/graph.js", "data/search.js", "data/runs.js", "data/asset/daily.js"} <= below(site)


def test_index_names_only_files_that_are_there_and_nothing_of_the_network(tmp_path):
    site = built(tmp_path)
    named = re.findall(r'(?:src|href)="([^"]+)"', (site / "index.html").read_text())
    assert named
    assert all((site / each).is_file() for each in named)
    for path in sorted(below(PAGE)):
        text = (PAGE / path).read_text(encoding="utf-8")
        if path.startswith("vendor/"):
            continue
        assert not re.search(
            r"""(?:src|href|url|import|fetch)\s*[=(]\s*['"]?(?:https?:)?//""", text
        ), path


def test_written_again_it_is_brought_up_to_date(tmp_path):
    site = built(tmp_path)
    untouched = (site / "js/app.js").stat().st_mtime_ns
    (tmp_path / "models/total.sql").unlink()
    (tmp_path / "models/more.sql").write_text("select 1 as one\n")
    ok(tmp_path, "docs")
    assert not (site / "data/asset/total.js").exists()
    assert (site / "data/asset/more.js").exists()
    assert (site / "js/app.js").stat().st_mtime_ns == untouched
    names = {each["name"] for each in document(site, "graph")["nodes"]}
    assert "more" in names
    assert "total" not in names


def test_a_page_that_was_broken_off_is_written_whole_the_next_time(tmp_path):
    write(tmp_path, SHOP)
    ok(tmp_path, "docs")
    site = tmp_path / "site"
    (site / "sqlpipes-docs.json").write_text('{"files": []}')
    (site / "data/graph.js").unlink()
    ok(tmp_path, "docs")
    assert document(site, "graph")["nodes"]


@pytest.mark.parametrize("content", [None, "{", '{"files": 1}', "[]"])
def test_a_folder_of_somebody_else_is_refused_and_stays_as_it_is(tmp_path, content):
    write(tmp_path, SHOP)
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    if content is not None:
        (other / "sqlpipes-docs.json").write_text(content)
    before = below(other)
    result = run(tmp_path, "docs", "--output", str(other))
    assert result.exit_code == 2
    assert "UIX001" in result.stderr
    assert "hint" in result.stderr
    assert below(other) == before


def test_the_project_itself_is_no_place_for_it(tmp_path):
    write(tmp_path, SHOP)
    result = run(tmp_path, "docs", "-o", str(tmp_path))
    assert result.exit_code == 2
    assert "UIX001" in result.stderr


def test_a_file_in_its_place_is_refused(tmp_path):
    write(tmp_path, SHOP | {"site": "a file"})
    result = run(tmp_path, "docs")
    assert result.exit_code == 2
    assert "UIX001" in result.stderr
    assert (tmp_path / "site").read_text() == "a file"


def test_a_folder_below_a_file_cannot_be_written(tmp_path):
    write(tmp_path, SHOP | {"note": "a file"})
    result = run(tmp_path, "docs", "-o", str(tmp_path / "note/site"))
    assert result.exit_code == 2
    assert re.search("UIX00[12]", result.stderr)


@pytest.mark.parametrize(
    "path", ["../../victim", "/etc/passwd", "a/../../victim", "..\\victim", "C:x"]
)
def test_a_list_that_names_files_elsewhere_removes_none_of_them(tmp_path, path):
    root = tmp_path / "project"
    write(root, SHOP)
    ok(root, "docs")
    victim = tmp_path / "victim"
    victim.write_text("alive")
    mark = root / "site/sqlpipes-docs.json"
    mark.write_text(json.dumps({"files": [*json.loads(mark.read_text())["files"], path]}))
    ok(root, "docs")
    assert victim.read_text() == "alive"


def test_an_empty_folder_is_taken(tmp_path):
    write(tmp_path, SHOP)
    (tmp_path / "out").mkdir()
    ok(tmp_path, "docs", "-o", str(tmp_path / "out"))
    assert (tmp_path / "out/index.html").exists()


def test_texts_that_look_like_markup_or_code_stay_texts(tmp_path):
    nasty = "</script><script>alert(1)</script>\u2028'\"`${x}<!--"
    description = json.dumps(nasty)
    site = built(
        tmp_path,
        SHOP | {"models/n.sql": f"/*\n---\ndescription: {description}\n---\n*/\nselect 1 as x\n"},
    )
    assert document(site, "asset/n")["description"] == nasty
    assert "\u2028" not in (site / "data/asset/n.js").read_text(encoding="utf-8")


def test_assets_whose_names_are_no_file_names_have_a_page(tmp_path):
    files = SHOP | {
        "models/up.sql": '/*\n---\nname: "../../up"\n---\n*/\nselect 1 as x\n',
        "models/Über.sql": "select 2 as x\n",
    }
    write(tmp_path, files)
    result = run(tmp_path, "docs")
    if result.exit_code == 0:
        site = tmp_path / "site"
        for each in document(site, "graph")["nodes"]:
            assert document(site, "asset/" + each["doc"])["name"] == each["name"]
    assert not [path for path in tmp_path.parent.iterdir() if path.name.startswith("up")]


def test_no_secret_of_the_project_stands_in_any_file(tmp_path, monkeypatch):
    monkeypatch.setenv("DBT_ENV_SECRET_KEY", "hunter-two-and-more")
    files = SHOP | {
        "models/leak.sql": "select '{{ env_var('DBT_ENV_SECRET_KEY') }}' as x\n",
    }
    site = built(tmp_path, files)
    for path in site.rglob("*.js"):
        assert b"hunter-two" not in path.read_bytes(), path
    assert "***" in (site / "data/asset/leak.js").read_text()


def test_what_the_command_says_is_where_to_look(tmp_path):
    write(tmp_path, SHOP)
    said = ok(tmp_path, "docs")
    assert said.startswith("4 assets: open ")
    assert said.strip().endswith(os.path.join("site", "index.html"))


def test_what_is_vendored_has_its_licence_beside_it_and_is_named():
    notice = (PAGE.parents[3] / "NOTICE").read_text(encoding="utf-8")
    for folder in (PAGE / "vendor").iterdir():
        assert (folder / "LICENSE").is_file()
        assert f"vendor/{folder.name}/" in notice
