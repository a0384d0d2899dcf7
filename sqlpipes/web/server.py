"""A project and an address -> a server that runs until it is told to stop."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import platform
import secrets
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import uvicorn
from anyio import to_thread

from sqlpipes.api import How, load_as
from sqlpipes.core.errors import Problem, ProjectError
from sqlpipes.web.app import Serving, hello, make_app
from sqlpipes.web.board import Board
from sqlpipes.web.builds import Builds
from sqlpipes.web.feed import Feed, Message
from sqlpipes.web.gate import Gate
from sqlpipes.web.page import read_page
from sqlpipes.web.pulse import Pulse

PORT = 8580
TRIES = 50  # ports after it that are tried when nobody named one
POLL_S = 0.3
TICK_S = 0.1
END_S = 60.0  # for a build to roll back
LEAST = 16  # characters of a token that somebody thinks up
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Address:
    """Where it listens and who may come. `token` None: one is made up."""

    host: str = "127.0.0.1"
    port: int | None = None  # None: 8580 or the next free one
    token: str | None = None
    public: str = ""  # the origin by which a proxy is reached
    read_only: bool = False


class Listening(uvicorn.Server):
    """Signals are the command's business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def serve(
    how: How,
    address: Address,
    *,
    on_ready: Callable[[str, Gate], None],
    cancel: threading.Event,
    tell: Callable[[str], None] = lambda said: None,
) -> None:
    """Until `cancel` is set. `on_ready` is given the URL without its token, and the gate.

    Raises ProjectError for files that cannot be used from the start, and for an address that is
    refused (UIX004 to UIX007).
    """
    check_address(address)
    project = load_as(how)
    project.raise_errors()
    with open_socket(address) as sock:
        gate = gate_of(address, sock)
        board = Board(how, project)
        builds = Builds(how)
        pulse = Pulse(board, builds.claim)
        page = read_page(read_only=address.read_only)
        serving = Serving(board, pulse, builds, Feed(), gate, page, address.read_only, tell)
        try:
            asyncio.run(_run(serving, sock, cancel, lambda: on_ready(url_of(address, sock), gate)))
        finally:
            builds.close()
            pulse.close()


async def _run(
    serving: Serving, sock: socket.socket, cancel: threading.Event, ready: Callable[[], None]
) -> None:
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # ours are told by `tell`
    server = Listening(
        uvicorn.Config(
            make_app(serving),
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,  # addresses hold the token
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=2,
            limit_concurrency=500,
        )
    )
    running = asyncio.create_task(server.serve(sockets=[sock]))
    following = asyncio.create_task(_follow(serving))
    while not server.started and not running.done():
        await asyncio.sleep(TICK_S / 10)
    ready()
    while not cancel.is_set() and not running.done():
        await asyncio.sleep(TICK_S)
    if serving.builds.running() is not None:
        serving.tell("stopping the build that was started here")
        await to_thread.run_sync(serving.builds.end, END_S)
    following.cancel()
    serving.feed.close()
    server.should_exit = True
    await running


async def _follow(serving: Serving) -> None:
    """One for all pages; while there is none, nothing is looked at."""
    told = ""
    while True:
        await serving.feed.someone.wait()
        try:
            serving.feed.tell(await to_thread.run_sync(beat, serving))
        except Exception as error:  # a fault of ours must not leave the pages without news for ever
            said = "".join(traceback.format_exception(error))
            if said != told:
                serving.tell(said)
            told = said
        await asyncio.sleep(POLL_S)


def beat(serving: Serving) -> list[Message]:
    """What has happened, of the project and of the builds that were started here."""
    builds: list[Message] = [("build", serving.board.hidden(row)) for row in serving.builds.news()]
    news = serving.pulse.beat()
    if any(name == "hello" for name, _ in news):
        return [("hello", hello(serving))]
    return [*news, *builds]


# ------------------------------------------------------------------------------------ the address


def check_address(address: Address) -> None:
    """ProjectError for one that would let strangers in, or that is none."""
    token = address.token
    if token is not None and (len(token) < LEAST or not token.isprintable() or " " in token):
        hint = 'make one: python -c "import secrets; print(secrets.token_urlsafe())"'
        raise _refused("UIX005", f"a token has at least {LEAST} characters, and no blanks", hint)
    if token is None and not is_loopback(address.host):
        hint = "set one: SQLPIPES_UI_TOKEN=... sqlpipes ui --host ..., and see docs/ui.md"
        said = f"{address.host} can be reached from other machines, and no token was set"
        raise _refused("UIX004", said, hint)
    if address.public and not _is_origin(address.public):
        hint = "such as https://pipes.acme.com"
        raise _refused("UIX007", "--public-url is scheme and host, without a path", hint)


def is_loopback(host: str) -> bool:
    """
    >>> [is_loopback(each) for each in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "acme.com")]
    [True, True, True, False, False]
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_origin(text: str) -> bool:
    try:
        parts = urlsplit(text)
        good = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        return False
    rest = (parts.path, parts.query, parts.fragment, parts.username or "")
    return good and parts.scheme in ("http", "https") and not any(rest)


def open_socket(address: Address) -> socket.socket:
    """A bound one. ProjectError UIX006 when there is no such address or its port is taken."""
    ports = [address.port] if address.port is not None else range(PORT, PORT + TRIES)
    error: OSError | None = None
    for port in ports:
        try:
            family, _, _, _, place = socket.getaddrinfo(
                address.host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            return socket.create_server(place[:2], family=family, backlog=128)
        except OSError as failed:
            error = failed
            if isinstance(failed, socket.gaierror):
                break
    where = f"{address.host}:{ports[0]}" if len(ports) == 1 else address.host
    hint = "another --port, or --port 0 for any that is free" if len(ports) == 1 else None
    said = error.strerror if error else "no port is free"
    raise _refused("UIX006", f"cannot listen on {where}: {said}", hint)


def gate_of(address: Address, sock: socket.socket) -> Gate:
    """Whom an open socket lets in: by the names that lead to it."""
    names = {address.host.lower()}
    everywhere = False
    if is_loopback(address.host):
        names |= LOOPBACK
    else:
        node = platform.node().lower()
        names |= {node, node.partition(".")[0]}
        everywhere = _is_everywhere(address.host)
        names |= LOOPBACK if everywhere else set()
    return Gate(
        token=address.token or secrets.token_urlsafe(24),
        port=sock.getsockname()[1],
        names=frozenset(names - {""}),
        addresses=everywhere,
        public=address.public.lower(),
    )


def url_of(address: Address, sock: socket.socket) -> str:
    """What a person opens, without the token."""
    if address.public:
        return f"{address.public}/"
    host = address.host
    if _is_everywhere(host):
        host = platform.node() or "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{sock.getsockname()[1]}/"


def with_token(url: str, gate: Gate) -> str:
    return f"{url}?token={quote(gate.token, safe='')}"


def _is_everywhere(host: str) -> bool:
    return host in ("0.0.0.0", "::", "")


def _refused(code: str, message: str, hint: str | None = None) -> ProjectError:
    return ProjectError(Problem(code, message, hint=hint))
