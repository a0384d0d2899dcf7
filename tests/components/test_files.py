"""The component `files`: data files by path, pattern or URL are tables."""

from __future__ import annotations

import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cli.projects import ok, run, write

CSV = "id,day\n1,2024-01-01\n2,2024-01-02\n"


def project(root, attributes, **files):
    said = f"type: files\nattributes: {attributes}\n"
    return write(root, {"models/in.yml": said, "raw/a.csv": CSV, **files})


def test_each_file_is_a_table_by_its_name(tmp_path):
    project(
        tmp_path,
        "{path: 'raw/*', prefix: raw_}",
        **{"raw/Order Lines.json": '[{"n": 1}]', "raw/c.tsv": "x\ty\n1\t2\n"},
    )
    ok(tmp_path, "build")
    assert ok(tmp_path, "show", "raw_order_lines", "--json") == '[\n  {\n    "n": 1\n  }\n]\n'
    assert ok(tmp_path, "ls", "-s", "kind:sql").split() == ["raw_a", "raw_c", "raw_order_lines"]


def test_all_files_are_one_table_with_options_types_and_the_files_name(tmp_path):
    project(
        tmp_path,
        "{path: 'raw/*.csv', table: a, types: {id: varchar}, options: {nullstr: '2'}, filename: file}",
        **{"raw/b.csv": "id,day\n3,2024-01-03\n"},
    )
    ok(tmp_path, "build")
    found = ok(
        tmp_path, "show", "--inline", "select id, day, parse_filename(file) f from a order by f, id"
    )
    lines = [line.split() for line in found.splitlines()[2:]]
    assert sorted(lines) == [
        ["1", "2024-01-01", "a.csv"],
        ["3", "2024-01-03", "b.csv"],
        ["NULL", "2024-01-02", "a.csv"],
    ]


def test_parquet_columns_are_cast(tmp_path):
    import duckdb

    (tmp_path / "raw").mkdir()
    duckdb.sql(f"copy (select 1 as id, '5' as n) to '{tmp_path}/raw/p.parquet'")
    write(
        tmp_path,
        {"models/in.yml": "type: files\nattributes: {path: raw/p.parquet, types: {n: int}}\n"},
    )
    ok(tmp_path, "build")
    assert ok(tmp_path, "show", "--inline", "select typeof(n) t, n from p").split()[-2:] == [
        "INTEGER",
        "5",
    ]


def test_it_is_built_again_when_a_file_comes_goes_or_changes(tmp_path):
    project(tmp_path, "{path: 'raw/*.csv', table: a}")
    ok(tmp_path, "build")
    assert "nothing to do" in ok(tmp_path, "build")
    write(tmp_path, {"raw/b.csv": "id,day\n9,2024-01-09\n"})
    assert "source changed" in ok(tmp_path, "plan")
    ok(tmp_path, "build")
    assert ok(tmp_path, "show", "--inline", "select max(id) m from a").split()[-1] == "9"
    os.remove(tmp_path / "raw/b.csv")
    ok(tmp_path, "build")
    assert ok(tmp_path, "show", "--inline", "select max(id) m from a").split()[-1] == "2"


def test_keys_of_a_model_hold_for_every_table(tmp_path):
    project(
        tmp_path,
        "{path: raw/a.csv, asset: {description: Rows., tags: [t], checks: [{unique: id}]}}",
        **{"raw/a.csv": CSV + "1,2024-01-05\n"},
    )
    result = run(tmp_path, "build")
    assert result.exit_code == 1
    assert "a.unique.id" in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ("{path: ['raw/a.csv', 'old/a.csv']}", "2:20: CMP004 raw/a.csv and old/a.csv would both"),
        ("{path: raw/x.dat, table: x}", "2:20: CMP004 the ending of raw/x.dat does not tell"),
        ("{path: 's3://bucket/a.csv'}", "2:20: CMP004 s3://bucket/a.csv is no http(s) URL"),
        ("{path: raw/a.csv, format: cvs}", "did you mean 'csv'?"),
        ("{path: 'http://x/a.csv', headers: {X-Api-Key: k1}}", "2:59: CMP004 a secret stands in"),
    ],
)
def test_what_cannot_be_a_table_is_refused(tmp_path, attributes, said):
    project(tmp_path, attributes, **{"old/a.csv": CSV, "raw/x.dat": CSV})
    result = run(tmp_path, "build")
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr
    assert "models/in.yml:" in result.stderr


class Handler(SimpleHTTPRequestHandler):
    """Files of a folder with the date of each, as most servers give it; only with the right header
    where the path begins with /closed/."""

    def do_HEAD(self):
        self.answer(super().do_HEAD)

    def do_GET(self):
        self.answer(super().do_GET)

    def answer(self, otherwise):
        if self.path.startswith("/closed/") and self.headers.get("Authorization") != "Bearer t0ken":
            self.send_error(403)
        else:
            otherwise()

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.csv").write_text(CSV)
    (folder / "closed").mkdir()
    (folder / "closed/b.csv").write_text(CSV)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder)) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}", folder
        found.shutdown()


def test_a_url_is_fetched_again_only_when_the_server_says_that_it_changed(tmp_path, server):
    url, folder = server
    root = tmp_path / "p"
    project(
        root, f"{{path: '{url}/a.csv', types: {{id: bigint}}, asset: {{checks: [{{unique: id}}]}}}}"
    )
    os.utime(folder / "a.csv", (1_700_000_000, 1_700_000_000))
    ok(root, "build")
    assert ok(root, "show", "--inline", "select sum(id) s from a").split()[-1] == "3"
    assert "nothing to do" in ok(root, "build")
    (folder / "a.csv").write_text(CSV + "7,2024-01-07\n")
    os.utime(folder / "a.csv", (1_700_000_100, 1_700_000_100))
    assert "source changed" in ok(root, "plan")
    ok(root, "build")
    assert ok(root, "show", "--inline", "select sum(id) s from a").split()[-1] == "10"


def test_a_server_that_is_gone_fails_the_step_and_leaves_the_table(tmp_path, server):
    url, folder = server
    root = tmp_path / "p"
    project(root, f"{{path: '{url}/a.csv'}}")
    ok(root, "build")
    (folder / "a.csv").unlink()
    result = run(root, "build")
    assert (result.exit_code, "answered 404" in result.stdout + result.stderr) == (1, True)
    assert ok(root, "show", "--inline", "select count(*) n from a").split()[-1] == "2"


def test_headers_ask_and_are_never_kept(tmp_path, server):
    url, _ = server
    root = tmp_path / "p"
    said = "{{ env_var('TOKEN') }}"
    project(root, f"{{path: '{url}/closed/b.csv', headers: {{Authorization: \"Bearer {said}\"}}}}")
    os.environ["TOKEN"] = "t0ken"
    try:
        ok(root, "build")
    finally:
        del os.environ["TOKEN"]
    kept = [path for path in root.rglob("*") if path.is_file() and ".sqlpipes" in path.parts]
    assert not [path for path in kept if b"t0ken" in path.read_bytes()]
