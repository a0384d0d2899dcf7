"""A project and an address -> a server that runs until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from anyio import to_thread

from sqlpipes.api import How, load_as
from sqlpipes.web.address import Address, check_address, gate_of, open_socket, url_of
from sqlpipes.web.app import make_app
from sqlpipes.web.board import Board
from sqlpipes.web.builds import Builds
from sqlpipes.web.feed import Feed, Message
from sqlpipes.web.gate import Gate
from sqlpipes.web.page import read_page
from sqlpipes.web.pulse import Pulse
from sqlpipes.web.serving import Serving
from sqlpipes.web.stream import hello

POLL_S = 0.3
TICK_S = 0.1
END_S = 60.0  # for a build to roll back


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
    over = serving.builds.over()
    news = serving.pulse.beat()
    if any(name == "hello" for name, _ in news):
        return [("hello", hello(serving))]
    return [*news, *(("build", serving.board.hidden(row)) for row in serving.builds.news(over))]
