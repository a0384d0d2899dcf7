"""Feed -> one page that listens: server-sent events for as long as somebody takes them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import anyio
from anyio import to_thread
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sqlpipes.web.feed import event_text
from sqlpipes.web.pulse import live_row
from sqlpipes.web.serving import Serving

HEARTBEAT_S = 15.0


class Stream(Response):
    """Events for as long as somebody takes them."""

    def __init__(self, serving: Serving) -> None:
        super().__init__()
        self._serving = serving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(_until_gone, receive, group.cancel_scope.cancel)
            with suppress(TimeoutError):
                await self._tell(send)
            group.cancel_scope.cancel()

    async def _tell(self, send: Send) -> None:
        heads = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"x-accel-buffering", b"no"),
        ]
        serving = self._serving
        with serving.feed.listening() as listener:
            serving.feed.tell(await to_thread.run_sync(serving.pulse.beat))  # nobody may have asked
            await send({"type": "http.response.start", "status": 200, "headers": heads})
            await self._send(send, event_text("hello", await to_thread.run_sync(hello, serving)))
            while True:
                text: bytes | None = b": still here\n\n"
                with anyio.move_on_after(HEARTBEAT_S):
                    text = await listener.queue.get()
                if text is None:
                    return
                await self._send(send, text)

    async def _send(self, send: Send, text: bytes) -> None:
        with anyio.fail_after(self._serving.patience_s):
            await send({"type": "http.response.body", "body": text, "more_body": True})


async def _until_gone(receive: Receive, then: Callable[[], None]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    then()


def hello(serving: Serving) -> dict[str, Any]:
    """What goes on now."""
    rows = [
        live_row(each.run, each.done, mine=serving.builds.claim(each.run))
        for each in serving.pulse.live()
    ]
    errors = serving.board.problems_json(serving.pulse.errors)
    found: dict[str, Any] = serving.board.hidden(
        {"runs": rows, "builds": serving.builds.rows(), "errors": errors}
    )
    return found
