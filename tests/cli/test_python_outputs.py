"""What `context.file` may write, and what it must leave alone."""

from pathlib import Path

import pytest
from cli.projects import ok, run, write

HEAD = "from pathlib import Path\nfrom sqlpipes import File, asset\n"
FILES = {
    "sqlpipes.yml": "name: shop\n",
    "seeds/orders.csv": "n\n1\n",
    "models/a.sql": "select 1 as a",
    "data/own.txt": "mine",
    "notes.txt": "mine",
    "setup.toml": "mine",
}


def project(root: Path, text: str) -> Path:
    write(root, FILES)
    return write(root, {"models/assets.py": HEAD + text})


def asset(path: str, option: str = "", name: str = "out") -> str:
    folder = path.endswith("/")
    put = "Path(f, 'x.txt')" if folder else "Path(f)"
    lines = [
        f"@asset({option})",
        f"def {name}(context) -> File:",
        f"    f = context.file({path!r})",
    ]
    return "\n".join([*lines, f"    {put}.write_text('new')", "    return f", ""])


def everything(root: Path) -> dict[str, str]:
    """The user's own files, with what they hold."""
    return {name: (root / name).read_text() for name in FILES if (root / name).is_file()}


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("models/", "the project's own models"),
        ("models/x.txt", "it is in the project's own models"),
        ("seeds/orders.csv", "it is in the project's own seeds"),
        ("./", "the project is in it"),
        ("../", "the project is in it"),
        ("/", "the project is in it"),
        ("data/", "no build of it wrote own.txt, which is in it"),
        ("data", "no build of it wrote own.txt, which is in it"),
        ("data/own.txt/", "it is there, and no build of it wrote it"),
        ("notes.txt", "it is there, and no build of it wrote it"),
        ("sqlpipes.yml", "it is the project's own sqlpipes.yml"),
        (".sqlpipes/state.db", "it is the project's own .sqlpipes/state.db"),
        (".sqlpipes/", "the project's own .sqlpipes"),
        ("link/", "the project's own models"),
        ("link/a.sql", "it is in the project's own models"),
        ("../escape.txt", "it is outside of the project"),
    ],
)
def test_what_others_made_is_never_replaced(tmp_path: Path, path: str, said: str) -> None:
    root = tmp_path / "shop"
    project(root, asset(path))
    (root / "link").symlink_to(root / "models")
    before = everything(root)
    found = run(root, "build")
    assert found.exit_code == 1
    assert f"models/assets.py:5:9: BLD021 'out' must not write {path!r}: " in found.output
    assert said in found.output
    assert everything(root) == before
    assert (root / "models/assets.py").exists()
    assert not (tmp_path / "escape.txt").exists()
    assert not list(root.rglob("*sqlpipes-new*"))


def test_the_warehouse_is_never_replaced(tmp_path: Path) -> None:
    project(tmp_path, "")
    ok(tmp_path, "build")
    (database,) = tmp_path.rglob("*.duckdb")
    where = database.relative_to(tmp_path).as_posix()
    for path in (where, f"{where}.wal"):
        project(tmp_path, asset(path, f"path={path!r}"))
        found = run(tmp_path, "build").output
        assert f"'out' must not write {path!r}: it is the project's own {path}" in found
    assert "1" in ok(tmp_path, "show", "a")


def test_a_plain_file_is_replaced_when_the_decorator_says_that_it_is_the_assets(
    tmp_path: Path,
) -> None:
    project(tmp_path, asset("notes.txt", "path='notes.txt'"))
    ok(tmp_path, "build")
    assert (tmp_path / "notes.txt").read_text() == "new"


@pytest.mark.parametrize("path", ["setup.toml", "sqlpipes.yml", "data/"])
def test_what_makes_the_project_and_folders_are_not_replaced_for_any_word(
    tmp_path: Path, path: str
) -> None:
    project(tmp_path, asset(path, f"path={path!r}"))
    before = everything(tmp_path)
    assert "BLD021" in run(tmp_path, "build").output
    assert everything(tmp_path) == before


def test_outside_of_the_project_only_what_is_meant(tmp_path: Path) -> None:
    root = tmp_path / "shop"
    text = asset("../said.txt", "path='../said.txt'", "said")
    project(root, text + asset(f"{tmp_path}/absolute.txt", name="absolute"))
    ok(root, "build")
    assert (tmp_path / "said.txt").read_text() == "new"
    assert (tmp_path / "absolute.txt").read_text() == "new"


def test_what_a_build_wrote_it_may_replace_also_without_the_state(tmp_path: Path) -> None:
    project(tmp_path, asset("out/site/") + asset("out/one.txt", name="one"))
    ok(tmp_path, "build")
    ok(tmp_path, "build", "--force")
    ok(tmp_path, "clean", "--state")
    ok(tmp_path, "build")
    (tmp_path / "out/site/mine.txt").write_text("mine")
    found = run(tmp_path, "build", "--force").output
    assert "no build of it wrote mine.txt, which is in it" in found
    assert (tmp_path / "out/site/mine.txt").read_text() == "mine"
    (tmp_path / "out/site/mine.txt").unlink()
    ok(tmp_path, "build", "--force")


def test_a_file_that_is_put_there_while_the_function_runs_stays(tmp_path: Path) -> None:
    text = asset("out/site/").replace(
        "    return f",
        "    Path('out/site').mkdir()\n    Path('out/site/m').write_text('m')\n    return f",
    )
    project(tmp_path, text.replace("Path('out", "Path(context.root, 'out"))
    assert "no build of it wrote m, which is in it" in run(tmp_path, "build").output
    assert (tmp_path / "out/site/m").read_text() == "m"


def test_two_assets_that_write_one_file(tmp_path: Path) -> None:
    project(tmp_path, asset("out/same.txt") + asset("./out/same.txt", name="second"))
    found = run(tmp_path, "build")
    assert found.exit_code == 2
    assert (
        "models/assets.py:9:5: DUP006 'second' and 'out' both write ./out/same.txt" in found.output
    )
    assert "here and in models/assets.py:4:5" in found.output


def test_two_assets_that_compute_one_path(tmp_path: Path) -> None:
    second = asset("out/same.txt", name="second").replace("'out/same.txt'", "'out/same' + '.txt'")
    project(tmp_path, asset("out/same.txt") + second)
    found = run(tmp_path, "build", "--threads", "1")
    assert found.exit_code == 1
    assert "DUP006 'second' and 'out' both write out/same.txt" in found.output


def test_an_asset_with_another_name_takes_over(tmp_path: Path) -> None:
    project(tmp_path, asset("out/same.txt"))
    ok(tmp_path, "build")
    project(tmp_path, asset("out/same.txt", name="renamed"))
    ok(tmp_path, "build")


def test_a_function_that_raised_is_told_to_have_failed(tmp_path: Path) -> None:
    project(tmp_path, "@asset\ndef train() -> None:\n    raise ValueError('no')\n")
    run(tmp_path, "build")
    (said,) = [line for line in ok(tmp_path, "plan").splitlines() if "train" in line]
    assert "failed last time" in said
    assert "interrupted" not in said


def test_a_function_without_rows_must_not_return_any(tmp_path: Path) -> None:
    project(tmp_path, "@asset\ndef train() -> None:\n    return [{'n': 1}]\n")
    found = run(tmp_path, "build")
    assert found.exit_code == 1
    assert "models/assets.py:4:5: BLD006 'train' is nothing that is stored" in found.output
    assert "but its function returned list" in found.output
