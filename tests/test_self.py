"""The project looks at itself: what is promised in the docs is there, and what is there is documented."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import click
import pytest
from docs.cli_page import all_commands, cli_page, help_text
from docs.pages import ROOT, pages

README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.compile(r'"([A-Z]{3}\d{3})"')
ROW = re.compile(r"^\| ([A-Z]{3}\d{3}) \| (.+?) \|", re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
TEXT = {".py", ".sql", ".md", ".yml", ".yaml", ".toml", ".csv", ".svg", ".sh", ".txt", ".json", ""}
PLACES = ("/work" + "/", "/root" + "/", "/tmp" + "/venv")


def tracked() -> list[Path]:
    """The files of the repository, also those that are not committed yet."""
    git = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(git, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [path for name in listed.splitlines() if (path := ROOT / name).is_file()]


def codes_in_use() -> set[str]:
    files = (ROOT / "sqlpipes").rglob("*.py")
    return {code for file in files for code in CODE.findall(file.read_text(encoding="utf-8"))}


def codes_documented() -> list[str]:
    told = [ROW.findall((ROOT / "docs" / f"{page}.md").read_text("utf-8")) for page in ERRORS]
    return [code for rows in told for code, _ in rows]


ERRORS = ("errors", "selection")


def test_every_code_of_a_problem_is_documented_once_and_no_other():
    found, used = codes_documented(), codes_in_use()
    assert used - set(found) == set(), "tell them in docs/errors.md"
    assert set(found) - used == set(), "no problem has these codes"
    assert len(found) == len(set(found))


COMMANDS = dict(list(all_commands())[1:])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name):
    context = COMMANDS[name]
    told = help_text(context)
    assert len((context.command.help or "").split("\n")[0]) > 20
    examples = re.findall(rf"sqlpipes {name}\b", told.partition("\n")[2])
    assert examples or " " in name, f"sqlpipes {name} --help shows no example"
    for option in context.command.params:
        assert getattr(option, "help", None) or isinstance(option, click.Argument), option.name


def test_the_page_of_the_command_line_is_what_the_commands_say():
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == cli_page(), "run python scripts/write_docs.py docs/cli.md"


def test_the_readme_has_the_two_commands_for_a_fresh_machine():
    assert '```sh\npip install -e ".[fast,sample]" && sqlpipes build\n```' in README
    found = re.search(r"<!-- tests -->\n```(?:bash|sh)\n(.*?)\n```", README, re.DOTALL)
    assert found is not None
    assert found[1] == (
        'pip install -e ".[test]" && ruff check . && ruff format --check . && mypy sqlpipes'
        " && pytest -n auto"
    )


def test_links_of_the_pages_lead_somewhere():
    lost = []
    for page in [*pages(), ROOT / "CHANGELOG.md"]:
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            path, _, section = link.partition("#")
            if "://" in link or not (path or section):
                continue
            target = (page.parent / path).resolve() if path else page
            if not target.exists() or (section and section not in sections(target)):
                lost.append(f"{page.name}: {link}")
    assert not lost


def sections(page: Path) -> set[str]:
    """The anchors of a page, as the usual renderers make them from its headings."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}


def test_every_page_is_in_the_index_and_in_the_readme():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        if page.name != "index.md":
            assert f"({page.name})" in index
            assert f"(docs/{page.name})" in README


def test_every_room_of_the_architecture_is_there_and_every_folder_is_told():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    house = ROOT / "sqlpipes"
    assert [room for room in rooms if not (house / room).exists()] == []
    folders = {f"{path.name}/" for path in house.iterdir() if path.is_dir()} - {"__pycache__/"}
    assert folders - {f"{room.split('/')[0]}/" for room in rooms} == set()


def test_every_key_of_an_asset_is_told():
    from sqlpipes.read.keys import KNOWN, OTHER_NAMES

    told = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    table = told[told.index("### All keys") : told.index("## The same keys elsewhere")]
    named = set(re.findall(r"`([a-z_]+)`", table))
    keys = {key for known in KNOWN.values() for key in known}
    keys |= {other for other in OTHER_NAMES if "-" not in other}
    assert keys - named == set()


def test_every_type_and_option_of_a_check_is_told():
    from sqlpipes.read.checks import KINDS, SHARED

    told = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "checks.md").read_text("utf-8")))
    assert {*KINDS, *SHARED} - told == set()


def test_no_file_names_a_place_of_the_machine_it_was_written_on():
    found = [
        f"{path.relative_to(ROOT)}: {place}"
        for path in tracked()
        if path.suffix in TEXT
        for place in PLACES
        if place in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert not found
