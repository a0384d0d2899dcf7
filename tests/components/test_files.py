"""The component `files`: data files by path, pattern or URL are tables."""

from __future__ import annotations

import json
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


def listed(root, query):
    found = json.loads(ok(root, "show", "--inline", query, "--json"))
    return [tuple(row.values()) for row in found]


@pytest.mark.parametrize(("first", "second"), [("id,a", "id,a,b"), ("id,a,b", "id,a")])
def test_columns_that_some_files_lack_stay(tmp_path, first, second):
    files = {"raw/1.csv": f"{first}\n1,1,1\n"[: len(first) + 2 * len(first.split(",")) + 1]}
    files["raw/2.csv"] = f"{second}\n" + ",".join("2" for _ in second.split(",")) + "\n"
    said = "type: files\nattributes: {path: 'raw/*.csv', table: t}\n"
    write(tmp_path, {"models/in.yml": said, **files})
    ok(tmp_path, "build")
    found = listed(tmp_path, "select id, a, b from t order by id")
    assert [row[2] is None for row in found] == ["b" not in first, "b" not in second]
    more = "attributes: {path: 'raw/*.csv', table: t, options: {union_by_name: false}}"
    write(tmp_path, {"models/in.yml": f"type: files\n{more}\n"})
    result = run(tmp_path, "build")
    missing = result.exit_code == 1 or "b" not in ok(tmp_path, "show", "t", "--json")
    assert missing


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("raw/*.csv", ["raw/a.csv", "raw/b.csv"]),
        ("./raw/a.csv", ["raw/a.csv"]),
        ("raw/**/*.csv", ["raw/a.csv", "raw/b.csv", "raw/deep/c.csv"]),
        ("[raw/a.csv, 'raw/deep/*.csv']", ["raw/a.csv", "raw/deep/c.csv"]),
    ],
)
def test_the_files_name_is_as_the_project_knows_it(tmp_path, path, found):
    said = f"{{path: {path if path[0] == '[' else repr(path)}, table: t, filename: true}}"
    project(tmp_path / "raw", said, **{"raw/b.csv": CSV, "raw/deep/c.csv": CSV})
    ok(tmp_path / "raw", "build")
    names = listed(tmp_path / "raw", "select distinct filename from t order by 1")
    assert [name for (name,) in names] == found


def test_a_pattern_without_files_is_a_warning_and_stops_no_other(tmp_path):
    both = "type: files\nattributes: {path: 'raw/*.csv'}\n---\n"
    project(tmp_path, "")
    write(tmp_path, {"models/in.yml": f"{both}type: files\nattributes: {{path: 'no/*.csv'}}\n"})
    result = run(tmp_path, "lint")
    assert "models/in.yml:5:20: CMP011 no file matches no/*.csv" in result.stdout
    assert ok(tmp_path, "ls", "-s", "kind:sql").split() == ["a"]
    write(tmp_path, {"no/z.csv": CSV})
    assert ok(tmp_path, "ls", "-s", "kind:sql").split() == ["a", "z"]
    assert "CMP011" not in run(tmp_path, "lint").stdout


@pytest.mark.parametrize(
    ("files", "attributes", "names"),
    [
        ({"raw/1.csv": CSV}, "{path: 'raw/1.csv', prefix: raw_}", ["raw_1"]),
        ({"raw/1.csv": CSV}, "{path: 'raw/1.csv'}", ["_1"]),
        ({"raw/1.csv": CSV}, "{path: 'raw/1.csv', prefix: '2_'}", ["_2_1"]),
    ],
)
def test_a_name_is_made_clean_after_the_prefix(tmp_path, files, attributes, names):
    project(tmp_path, attributes, **files)
    assert ok(tmp_path, "ls", "-s", "kind:sql").split() == names


class Handler(SimpleHTTPRequestHandler):
    """Files of a folder with the date of each, as most servers give it; only with the right header
    where the path begins with /closed/."""

    def do_HEAD(self):
        self.answer(super().do_HEAD)

    def do_GET(self):
        self.answer(super().do_GET)

    def answer(self, otherwise):
        self.server.heard.append((self.command, self.path, dict(self.headers)))
        if self.path.startswith("/broken/"):
            self.broken()
        elif self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.server.other + self.path.removeprefix("/to"))
            self.end_headers()
        elif (
            self.path.startswith("/closed/") and self.headers.get("Authorization") != "Bearer t0ken"
        ):
            self.send_error(403)
        else:
            otherwise()

    def broken(self):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(b"id,x\n1,2\n")

    def log_message(self, *_):
        pass


HEARD = []  # (method, path, headers) of each request


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "a.csv").write_text(CSV)
    (folder / "closed").mkdir()
    (folder / "closed/b.csv").write_text(CSV)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder)) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        found.heard = HEARD
        HEARD.clear()
        found.other = f"http://localhost:{found.server_port}"  # by another name
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


@pytest.mark.long
@pytest.mark.parametrize(
    ("path", "content", "said"),
    [
        ("broken/a.csv", None, "broke off: got 9 of 1000 bytes"),
        ("empty.csv", "", "is empty: not even the names of columns"),
        ("page.csv", "\n<!DOCTYPE html><html>sign in</html>", "is a web page, and no data"),
        ("no.csv", None, "answered 404"),
    ],
)
def test_what_is_no_whole_file_leaves_the_table(tmp_path, server, path, content, said):
    url, folder = server
    root = tmp_path / "p"
    project(root, f"{{path: '{url}/a.csv', table: t}}")
    ok(root, "build")
    if content is not None:
        (folder / path).write_text(content)
    project(root, f"{{path: '{url}/{path}', table: t}}")
    result = run(root, "build")
    assert result.exit_code == 1
    assert "models/in.yml:2:20: BLD005 't': http://127.0.0.1" in result.stdout
    assert said in result.stdout
    assert listed(root, "select count(*) from t") == [(2,)]


def test_headers_are_not_told_to_another_server(tmp_path, server):
    url, _ = server
    root = tmp_path / "p"
    told = "{X-Mine: one}"
    project(root, f"{{path: ['{url}/to/a.csv', '{url}/a.csv'], table: t, headers: {told}}}")
    ok(root, "build")
    got = [("X-Mine" in headers, path) for method, path, headers in HEARD if method == "GET"]
    assert got[-3:] == [(True, "/to/a.csv"), (False, "/a.csv"), (True, "/a.csv")]


def test_the_name_of_a_fetched_file_is_its_url(tmp_path, server):
    url, _ = server
    root = tmp_path / "p"
    project(root, f"{{path: '{url}/a.csv?key=1', table: t, filename: file}}")
    ok(root, "build")
    assert listed(root, "select distinct file from t") == [(f"{url}/a.csv",)]
