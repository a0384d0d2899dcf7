"""Who is let in, and what of it; everything else is refused, and says why."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from cli.projects import write
from web.serving import JSON, SHOP, TOKEN, Site, served

from sqlpipes.core.errors import ProjectError


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = write(tmp_path_factory.mktemp("shop"), SHOP)
    (root / "secret.txt").write_text("nobody's business")
    with served(root) as found:
        yield found


def test_the_token_gives_a_cookie_and_the_cookie_the_page(site):
    found = site.ask(f"/?token={TOKEN}")
    assert (found.status, found.heads["location"]) == (303, "/")
    said = found.heads["set-cookie"].lower()
    assert all(each in said for each in ("httponly", "samesite=strict", "path=/"))
    assert TOKEN not in said
    page = site.ask("/", {"Cookie": found.heads["set-cookie"].partition(";")[0]})
    assert page.status == 200
    assert b'data-source="/api" data-live="/api/events">' in page.body


@pytest.mark.parametrize(
    "heads",
    [{}, {"Cookie": "sqlpipes=x"}, {"Cookie": "sqlpipes_PORT=0"}, {"Cookie": 'a="; sqlpipes_PORT'}],
)
def test_without_the_cookie_nothing_is_told(site, heads):
    heads = {name: value.replace("PORT", str(site.port)) for name, value in heads.items()}
    for path in ("/api/graph", "/api/events", "/js/app.js", "/api/nothing"):
        found = site.ask(path, heads)
        assert (found.status, found.codes) == (403, ["UIX011"])
    door = site.ask("/", heads)
    assert door.status == 403
    assert b"sqlpipes ui" in door.body
    assert b"shop" not in door.body


@pytest.mark.parametrize("said", ["", "wrong", TOKEN[:-1], TOKEN + "x", "%00", "%ff", "%C3%A4"])
def test_a_wrong_token_is_no_token(site, said):
    found = site.ask(f"/?token={said}")
    assert found.status == 403
    assert "set-cookie" not in found.heads


def test_a_link_of_another_site_asks_once_more(site):
    """Browsers hold a strict cookie back then."""
    found = site.ask("/", {"Sec-Fetch-Site": "cross-site"})
    assert found.status == 403
    assert b'http-equiv="refresh"' in found.body
    assert b'http-equiv="refresh"' not in site.ask("/").body


@pytest.mark.parametrize(
    "host",
    [
        "evil.com",
        "evil.com:PORT",
        "localhost",
        "127.0.0.1:1",
        "localhost:PORT.evil.com",
        "",
        "user@localhost:PORT",
        "[::1",
        "127.0.0.1:PORT/x",
        "0x7f000001:PORT",
        "10.0.0.1:PORT",
    ],
)
def test_another_host_is_refused_whatever_it_shows(site, host):
    host = host.replace("PORT", str(site.port))
    for path in ("/", "/api/graph", f"/?token={TOKEN}"):
        found = site.ask(path, {**site.pass_head, "Host": host})
        assert (found.status, found.codes) == (403, ["UIX010"])
        assert "set-cookie" not in found.heads


def test_our_own_names_are_served(site):
    for host in ("localhost", "LOCALHOST", "127.0.0.1", "[::1]"):
        assert site.get("/api/search", Host=f"{host}:{site.port}").status == 200


@pytest.mark.parametrize(
    ("heads", "status", "code"),
    [
        ({"X-Sqlpipes": ""}, 403, "UIX012"),
        ({"X-Sqlpipes": "0"}, 403, "UIX012"),
        ({"Content-Type": "text/plain"}, 415, "UIX014"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415, "UIX014"),
        ({"Origin": "https://evil.com"}, 403, "UIX012"),
        ({"Origin": "null"}, 403, "UIX012"),
        ({"Origin": "http://localhost:1"}, 403, "UIX012"),
        ({"Sec-Fetch-Site": "cross-site"}, 403, "UIX012"),
        ({"Sec-Fetch-Site": "same-site"}, 403, "UIX012"),
        ({"Cookie": ""}, 403, "UIX011"),
    ],
)
def test_a_post_of_anybody_else_is_refused(site, heads, status, code):
    for path in ("/api/plan", "/api/builds", "/api/builds/1/stop"):
        found = site.post(path, {}, **heads)
        assert (found.status, found.codes) == (status, [code])


def test_a_get_of_another_sites_page_is_refused(site):
    for path in ("/api/graph", "/api/events", "/js/app.js"):
        assert site.get(path, **{"Sec-Fetch-Site": "cross-site"}).codes == ["UIX012"]
    assert site.get("/", **{"Sec-Fetch-Site": "cross-site"}).status == 200


def test_the_page_itself_may(site):
    origin = f"http://127.0.0.1:{site.port}"
    found = site.post("/api/plan", {}, **{"Origin": origin, "Sec-Fetch-Site": "same-origin"})
    assert found.status == 200


@pytest.mark.parametrize(
    "path",
    ["/js/../../secret.txt", "/js/%2e%2e/%2e%2e/secret.txt", "/%2e%2e%2fsecret.txt", "//etc/passwd",
     "/../secret.txt", "/secret.txt", "/js/app.js%00.css", "/js/", "/js", "/index.htm", "/%00",
     "/js/..%5c..%5csecret.txt", "/sqlpipes.yml", "/.sqlpipes/state.db", "/css/%ff", "/a" * 2000,
     "/api/asset/..%2f..%2fsecret.txt", "/api/asset/", "/api/run/../../graph", "/api/data", "/api/",
     "/api", "/api/run/%00", "/api/asset/%F0%9F%98%80", "/api/graph/", "/api/graph/x"],
)  # fmt: skip
def test_no_path_leads_outside(site, path):
    found = site.get(path)
    assert (found.status, found.codes) == (404, ["UIX013"])
    assert b"nobody" not in found.body


def test_only_the_methods_that_are_there(site):
    for method, path in (
        ("POST", "/"), ("PUT", "/api/graph"), ("DELETE", "/api/builds"), ("POST", "/api/graph"),
        ("PATCH", "/api/plan"),
    ):  # fmt: skip
        found = site.ask(path, {**site.pass_head, **JSON}, method=method, body={})
        assert (found.status, found.codes) == (405, ["UIX013"])
    assert site.get("/api/plan").status in (404, 405)
    assert site.ask("/api/graph", site.pass_head, method="OPTIONS").status == 403


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'"x"', b"\xff", b"nul", b"[" * 60_000, b'{"select": 1}', b'{"selekt": "x"}',
     b'{"full_refresh": "yes"}', b'{"vars": []}', b'{"select": "a\\u0000b"}',
     b'{"select": "\\ud800"}', b'{"partitions": ["2024"]}'],
)  # fmt: skip
def test_a_body_that_is_no_wish_is_told(site, body):
    for path in ("/api/plan", "/api/builds"):
        found = site.post(path, body)
        assert (found.status, found.codes) == (422, ["UIX014"])


def test_a_misspelt_key_is_told_with_the_nearest_one(site):
    assert "select" in site.post("/api/plan", {"selekt": "x"}).json["problems"][0]["hint"]


def test_a_body_that_is_too_large_is_not_read(site):
    big = b'{"select": "' + b"x" * 70_000 + b'"}'
    assert site.post("/api/plan", big).codes == ["UIX015"]
    lies = {**site.pass_head, **JSON, "Content-Length": "999999999"}
    assert site.ask("/api/plan", lies, method="POST", body=b"{}").status == 413
    piece = b"11170\r\n" + b"x" * 70_000 + b"\r\n0\r\n\r\n"
    chunked = {**site.pass_head, **JSON, "Transfer-Encoding": "chunked"}
    assert site.ask("/api/plan", chunked, method="POST", body=piece).status == 413


@pytest.mark.parametrize("path", ["/", "/api/graph", "/js/app.js", "/nothing", "/api/nothing"])
def test_every_answer_has_its_heads(site, path):
    for found in (site.get(path), site.ask(path), site.get(path, Host="evil.com")):
        policy = found.heads["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert found.heads["x-content-type-options"] == "nosniff"
        assert found.heads["referrer-policy"] == "no-referrer"
        assert found.heads["x-frame-options"] == "DENY"
        assert "server" not in found.heads
        if path != "/js/app.js":
            assert found.heads["cache-control"] == "no-store" or not path.startswith("/api")


def test_every_script_of_the_page_is_one_that_the_policy_lets_run(site):
    import base64
    import hashlib
    import re

    page = site.get("/")
    for text in re.findall(r"<script>(.*?)</script>", page.body.decode(), re.DOTALL):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in page.heads["content-security-policy"]
    for path in re.findall(r'(?:src|href)="([^"]+)"', page.body.decode()):
        assert site.get(f"/{path}").status == 200


def test_what_is_no_http_does_not_end_it(site):
    for text in (
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", site.port), timeout=10) as raw:
            raw.sendall(text)
            assert raw.recv(100).startswith(b"HTTP/1.1 4")
    assert site.get("/api/search").status == 200
    assert site.said == []


def test_the_token_is_in_nothing_that_is_told(site):
    for path in ("/", "/api/graph", "/api/search", "/api/runs"):
        assert TOKEN.encode() not in site.get(path).body


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ({"host": "0.0.0.0", "token": None}, "UIX004"),
        ({"host": "::", "token": None}, "UIX004"),
        ({"host": "192.168.7.7", "token": None}, "UIX004"),
        ({"host": "example.invalid", "token": None}, "UIX004"),
        ({"token": "short"}, "UIX005"),
        ({"token": ""}, "UIX005"),
        ({"token": "has blanks in between it"}, "UIX005"),
        ({"host": "example.invalid"}, "UIX006"),
        ({"public": "acme.com"}, "UIX007"),
        ({"public": "https://acme.com/pipes"}, "UIX007"),
        ({"public": "ftp://acme.com"}, "UIX007"),
        ({"public": "https://u:p@acme.com"}, "UIX007"),
    ],
)
def test_an_address_that_lets_strangers_in_is_refused(tmp_path, address, code):
    write(tmp_path, SHOP)
    with pytest.raises(ProjectError) as refusal, served(tmp_path, **address):
        pass
    assert [each.code for each in refusal.value.problems] == [code]


def test_a_port_that_is_taken_is_told_or_passed_over(tmp_path, site):
    write(tmp_path, SHOP)
    with pytest.raises(ProjectError) as refusal, served(tmp_path, port=site.port):
        pass
    assert refusal.value.problems[0].code == "UIX006"
    with served(tmp_path, port=None) as one, served(tmp_path, port=None) as two:
        assert one.port != two.port
        assert one.get("/api/search").status == two.get("/api/search").status == 200
        assert two.ask("/api/search", one.pass_head).status == 403


def test_on_all_addresses_digits_are_ours_and_other_names_are_not(tmp_path):
    write(tmp_path, SHOP)
    with served(tmp_path, host="0.0.0.0") as site:
        assert site.get("/api/search", Host=f"10.1.2.3:{site.port}").status == 200
        assert site.get("/api/search", Host=f"evil.com:{site.port}").status == 403


def test_behind_a_proxy_its_name_is_served(tmp_path):
    write(tmp_path, SHOP)
    origin = "https://Pipes.acme.com"
    with served(tmp_path, public=origin) as site:
        heads = {"Host": "pipes.acme.com", "Origin": origin.lower()}
        assert site.post("/api/plan", {}, **heads).status == 200
        assert (
            site.post("/api/plan", {}, Host="pipes.acme.com", Origin="https://evil.com").status
            == 403
        )
        assert "secure" in site.ask(f"/?token={TOKEN}", heads).heads["set-cookie"].lower()
        assert site.get("/api/search").status == 200  # and who is on the machine itself
