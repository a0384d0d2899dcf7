"""Hooks: a command reads the story, a webhook is sent it; what fails is told and holds no secret."""

from __future__ import annotations

import json
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from sqlpipes.core.job import Hook
from sqlpipes.run.hooks import run_hooks

SAID = {"job": "nightly", "status": "error", "due": None, "message": "boom", "problems": [{"a": 1}]}


class Listener:
    """A web server that answers with each of `answers`, and then with 200."""

    def __init__(self, *answers: int | tuple[int, str]) -> None:
        self.heard: list[tuple[str, dict[str, object]]] = []
        self.logins: list[str | None] = []
        left, heard, logins = list(answers), self.heard, self.logins

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard.append((self.path, json.loads(body)))
                answer = left.pop(0) if left else 200
                self.send_response(answer if isinstance(answer, int) else answer[0])
                if not isinstance(answer, int):
                    self.send_header("Location", answer[1])
                self.end_headers()
                logins.append(self.headers["Authorization"])

            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/T0/secret"

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def listening() -> Iterator[list[Listener]]:
    found: list[Listener] = []
    yield found
    for each in found:
        each.stop()


def hooked(root: Path, *hooks: Hook) -> list[str]:
    environ = {"PATH": "/usr/bin:/bin", "MINE": "1"}
    problems = run_hooks(hooks, SAID, root=str(root), environ=environ, pause_s=0.01)
    assert all(problem.code == "JOB009" and not problem.is_error for problem in problems)
    return [problem.message for problem in problems]


def test_a_command_finds_the_story_on_stdin_and_in_its_environment(tmp_path):
    script = (
        "import json, os, sys; json.dump([json.load(sys.stdin), dict(os.environ)], open('o', 'w'))"
    )
    assert hooked(tmp_path, Hook(command=(sys.executable, "-c", script))) == []
    said, environ = json.loads((tmp_path / "o").read_text())
    assert said == SAID
    assert environ["SQLPIPES_JOB"] == "nightly"
    assert environ["SQLPIPES_DUE"] == ""
    assert environ["MINE"] == "1"
    assert "SQLPIPES_PROBLEMS" not in environ


def test_a_text_runs_in_a_shell_and_need_not_read(tmp_path):
    assert hooked(tmp_path, Hook(command='echo "$SQLPIPES_STATUS" | tr a-z A-Z > o')) == []
    assert (tmp_path / "o").read_text() == "ERROR\n"


@pytest.mark.parametrize(
    ("hook", "told"),
    [
        (Hook(command="echo so much; exit 3", shown="x"), "x failed: it ended with 3: so much"),
        (Hook(command=("no-such-program",), shown="x"), "x failed: No such file or directory"),
        (
            Hook(command="sleep 60 & sleep 60", timeout_s=0.2, shown="x"),
            "x failed: it did not end within 0.2s",
        ),
    ],
)
def test_a_command_that_fails_is_told(tmp_path, hook, told):
    (message,) = hooked(tmp_path, hook, Hook(command="touch after"))
    assert message == f"the hook {told}"
    assert (tmp_path / "after").exists()


def test_a_webhook_is_sent_the_story(tmp_path, listening):
    listening.append(Listener())
    assert hooked(tmp_path, Hook(url=listening[0].url)) == []
    assert listening[0].heard == [("/T0/secret", SAID)]


def test_a_webhook_is_tried_again_where_that_may_help(tmp_path, listening):
    listening.append(Listener(500, 429))
    assert hooked(tmp_path, Hook(url=listening[0].url, retries=2)) == []
    assert len(listening[0].heard) == 3


def test_a_webhook_that_is_refused_is_not_tried_again(tmp_path, listening):
    listening.append(Listener(404, 404))
    (message,) = hooked(tmp_path, Hook(url=listening[0].url, shown="http://host/..."))
    assert message == "the hook http://host/... failed: it answered 404 Not Found"
    assert len(listening[0].heard) == 1


def test_no_message_holds_the_secret_of_a_url(tmp_path, listening):
    listening.append(Listener(500, 500))
    gone = Listener()
    gone.stop()
    for url in (
        listening[0].url,
        gone.url,
        "http://127.0.0.1:1/T0/secret with space",
        "http://nowhere.invalid/T0/secret",
        "http://[secret",
        "http://127.0.0.1:secret/x",
    ):
        (message,) = hooked(tmp_path, Hook(url=url, retries=1, shown="http://..."))
        assert "secret" not in message, message
        assert "(attempt 2 of 2)" in message


@pytest.mark.parametrize("code", [301, 302, 303])
def test_a_post_that_is_sent_elsewhere_has_not_arrived(tmp_path, listening, code):
    listening.append(Listener((code, "/elsewhere?token=secret")))
    (message,) = hooked(tmp_path, Hook(url=listening[0].url, shown="http://host/..."))
    where = "moved to http://127.0.0.1/..."
    assert message == f"the hook http://host/... failed: it answered {code}, {where}"
    assert len(listening[0].heard) == 1


@pytest.mark.parametrize("code", [307, 308])
def test_a_post_is_repeated_on_the_same_host_only(tmp_path, listening, code):
    other = Listener()
    listening += [Listener((code, "/there")), other, Listener((code, other.url))]
    assert hooked(tmp_path, Hook(url=listening[0].url)) == []
    assert [path for path, _ in listening[0].heard] == ["/T0/secret", "/there"]
    (message,) = hooked(tmp_path, Hook(url=listening[2].url, shown="x"))
    assert message == f"the hook x failed: it answered {code}, moved to http://127.0.0.1/..."
    assert other.heard == []


def test_a_post_that_is_sent_round_in_circles_ends(tmp_path, listening):
    listening.append(Listener(*[(307, f"/{i % 2}") for i in range(20)]))
    (message,) = hooked(tmp_path, Hook(url=listening[0].url, shown="x"))
    assert "it answered 307" in message
    assert len(listening[0].heard) == 6


def test_a_name_and_a_password_in_the_url_are_sent_as_such(tmp_path, listening):
    listening.append(Listener())
    url = listening[0].url.replace("http://", "http://me:pa%40ss@")
    assert hooked(tmp_path, Hook(url=url)) == []
    assert listening[0].logins == ["Basic " + b64encode(b"me:pa@ss").decode()]


def test_no_output_of_a_command_holds_what_it_was_given(tmp_path):
    hook = Hook(command="echo token is s3cret-token; exit 1", shown="x", secrets=("s3cret-token",))
    (message,) = hooked(tmp_path, hook)
    assert message == "the hook x failed: it ended with 1: token is ***"
