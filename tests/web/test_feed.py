"""Who listens and does not keep up is let go; all others hear everything."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from cli.projects import write
from web.serving import JSON, SHOP, TOKEN

from sqlpipes.api import How, load_as
from sqlpipes.web.app import make_app
from sqlpipes.web.board import Board
from sqlpipes.web.builds import Builds
from sqlpipes.web.feed import BEHIND, MOST, Feed
from sqlpipes.web.gate import Gate
from sqlpipes.web.page import read_page
from sqlpipes.web.pulse import Pulse
from sqlpipes.web.refused import Refused
from sqlpipes.web.serving import Serving

HOST = b"localhost:8580"


def test_one_that_does_not_take_its_events_is_let_go_and_the_others_are_not():
    async def story() -> None:
        feed = Feed()
        with feed.listening() as slow, feed.listening() as quick:
            for number in range(BEHIND + 10):
                feed.tell([("log", {"n": number})])
                assert b"log" in await quick.queue.get()
            assert slow.over
            assert slow.queue.qsize() == 1
            assert await slow.queue.get() is None
            assert not quick.over
        assert len(feed) == 0
        assert not feed.someone.is_set()

    asyncio.run(story())


def test_there_is_no_room_for_any_number():
    async def story() -> None:
        from contextlib import ExitStack

        feed = Feed()
        with ExitStack() as stack:
            for _ in range(MOST):
                stack.enter_context(feed.listening())
            with pytest.raises(Refused) as refusal, feed.listening():
                pass
            assert refusal.value.refusal.status == 503
        assert len(feed) == 0

    asyncio.run(story())


def test_at_the_end_every_stream_ends_also_one_that_begins_then():
    async def story() -> None:
        feed = Feed()
        with feed.listening() as early:
            feed.close()
            assert await early.queue.get() is None
            with feed.listening() as late:
                assert await late.queue.get() is None

    asyncio.run(story())


def serving(root: Path, patience_s: float) -> Serving:
    how = How(str(root))
    board, builds = Board(how, load_as(how)), Builds(how)
    gate = Gate(TOKEN, 8580, frozenset({"localhost"}))
    pulse = Pulse(board, builds.claim)
    page = read_page()
    return Serving(board, pulse, builds, Feed(), gate, page, patience_s=patience_s)


def scope(found: Serving, method: str, path: str) -> dict[str, Any]:
    cookie = f"{found.gate.cookie}={found.gate.pass_text}".encode()
    heads = [(b"host", HOST), (b"cookie", cookie)]
    heads += [(name.lower().encode(), value.encode()) for name, value in JSON.items()]
    said = {"type": "http", "method": method, "path": path, "raw_path": path.encode()}
    return {**said, "query_string": b"", "headers": heads, "http_version": "1.1", "scheme": "http"}


async def never() -> Any:
    await asyncio.sleep(60)


def test_a_client_that_takes_no_byte_is_dropped(tmp_path):
    """As if its connection was open and nobody read from it."""

    async def story() -> None:
        found = serving(write(tmp_path, SHOP), patience_s=0.1)

        async def stuck(message: Any) -> None:
            if message["type"] == "http.response.body":
                await never()

        try:
            app = make_app(found)
            await asyncio.wait_for(app(scope(found, "GET", "/api/events"), never, stuck), 30)
            assert len(found.feed) == 0
        finally:
            found.pulse.close()

    asyncio.run(story())


def test_a_client_that_goes_is_no_listener_any_more(tmp_path):
    async def story() -> None:
        found = serving(write(tmp_path, SHOP), patience_s=20)
        sent: list[Any] = []
        hello = asyncio.Event()

        async def gone() -> Any:
            await hello.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if b"hello" in message.get("body", b""):
                hello.set()

        try:
            app = make_app(found)
            await asyncio.wait_for(app(scope(found, "GET", "/api/events"), gone, send), 30)
            assert len(found.feed) == 0
        finally:
            found.pulse.close()

    asyncio.run(story())


def test_a_body_that_never_comes_is_not_waited_for(tmp_path):
    async def story() -> None:
        found = serving(write(tmp_path, SHOP), patience_s=0.1)
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        try:
            app = make_app(found)
            await asyncio.wait_for(app(scope(found, "POST", "/api/plan"), never, send), 30)
            assert sent[0]["status"] == 408
        finally:
            found.pulse.close()

    asyncio.run(story())
