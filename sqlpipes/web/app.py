"""Board, pulse, builds and gate -> the ASGI application: which path answers what."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from typing import Any

import anyio
from anyio import to_thread
from click import unstyle
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from sqlpipes.api import holder_of, load_as, plan, select
from sqlpipes.core.errors import LockedError, SqlpipesError
from sqlpipes.show.letters import plain_lines
from sqlpipes.show.plan import dialects, plan_json, plan_text
from sqlpipes.show.problems import problem_json
from sqlpipes.web.gate import (
    Gate,
    change_refusal,
    cookie_refusal,
    host_refusal,
    is_token,
    site_refusal,
)
from sqlpipes.web.page import door
from sqlpipes.web.refused import Refusal, Refused, refused
from sqlpipes.web.serving import Serving
from sqlpipes.web.stream import Stream
from sqlpipes.web.wish import Wish, wish_from

LARGEST = 64_000  # bytes of a body


def make_app(serving: Serving) -> ASGIApp:
    """The whole application, with its gate in front."""
    answers = Answers(serving)
    routes = [
        Route("/", answers.index),
        Route("/api/events", answers.events),
        Route("/api/select", answers.select),
        Route("/api/plan", answers.plan, methods=["POST"]),
        Route("/api/builds", answers.build, methods=["POST"]),
        Route("/api/builds/{id}/stop", answers.stop, methods=["POST"]),
        Route("/api/{key:path}", answers.document),
        Route("/{path:path}", answers.file),
    ]
    faults: Any = {
        HTTPException: answers.http_fault,
        Refused: answers.refusal,
        SqlpipesError: answers.fault,
        Exception: answers.broken,
    }
    app = Starlette(routes=routes, exception_handlers=faults)
    app.router.redirect_slashes = False
    return guarded(app, serving)


def guarded(app: ASGIApp, serving: Serving) -> ASGIApp:
    """Nobody comes to a route whom the gate has not let in."""
    gate = serving.gate

    async def through(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        refusal = _turned_away(gate, request)
        if refusal is not None:
            await _answer_of(refusal, request)(scope, receive, _with_heads(send, serving, scope))
            return
        await app(scope, receive, _with_heads(send, serving, scope))

    return through


def _turned_away(gate: Gate, request: Request) -> Refusal | None:
    heads = dict(request.headers.items())  # of Host there is one: else it was no request
    if (refusal := host_refusal(gate, heads)) is not None:
        return refusal
    if request.url.path == "/" and "token" in request.query_params and request.method == "GET":
        return None  # it shows the token
    if (refusal := cookie_refusal(gate, heads)) is not None:
        return refusal
    if request.url.path != "/" and (refusal := site_refusal(gate, heads)) is not None:
        return refusal
    return change_refusal(gate, heads) if request.method not in ("GET", "HEAD") else None


def _answer_of(refusal: Refusal, request: Request) -> Response:
    is_page = request.url.path == "/" and request.method in ("GET", "HEAD")
    if is_page and refusal.problems[0].code == "UIX011":
        again = request.headers.get("sec-fetch-site") == "cross-site"
        text = door(refusal.problems[0].message + ".", again=again)
        return Response(text, refusal.status, media_type="text/html")
    return _problems(refusal)


def _with_heads(send: Send, serving: Serving, scope: Scope) -> Send:
    """Every answer says what a browser may do with it."""
    heads = {
        b"content-security-policy": serving.page.policy.encode(),
        b"x-content-type-options": b"nosniff",
        b"x-frame-options": b"DENY",
        b"referrer-policy": b"no-referrer",
        b"cross-origin-resource-policy": b"same-origin",
        b"cross-origin-opener-policy": b"same-origin",
        b"cache-control": b"no-cache",
    }
    if scope["path"].startswith("/api") or scope["path"] == "/":
        heads[b"cache-control"] = b"no-store"

    async def sent(message: Any) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *heads.items()]
        await send(message)

    return sent


class Answers:
    """One method a route. What blocks is done in a thread."""

    def __init__(self, serving: Serving) -> None:
        self._serving = serving

    async def index(self, request: Request) -> Response:
        gate = self._serving.gate
        token = request.query_params.get("token")
        if token is None:
            return self._file("index.html", request)
        if not is_token(gate, token):
            text = door("That is not the token.", again=False)
            return Response(text, 403, media_type="text/html")
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            gate.cookie,
            gate.pass_text,
            path="/",
            httponly=True,
            samesite="strict",
            secure=gate.is_secret,
        )
        return answer

    async def file(self, request: Request) -> Response:
        return self._file(request.path_params["path"], request)

    async def document(self, request: Request) -> Response:
        key = request.path_params["key"]
        found = await to_thread.run_sync(self._document, key)
        if found is None:
            raise refused(404, "UIX013", "there is no such document")
        return _content(request, found.content, "application/json", found.etag)

    async def events(self, request: Request) -> Response:
        return Stream(self._serving)

    async def select(self, request: Request) -> Response:
        wish = Wish(
            select=request.query_params.get("select", ""),
            exclude=request.query_params.get("exclude", ""),
        )
        return _json({"names": await self._in_turn(self._select, wish)})

    async def plan(self, request: Request) -> Response:
        wish = wish_from(await _body(request, self._serving.patience_s))
        return _json(await self._in_turn(self._plan, wish))

    async def build(self, request: Request) -> Response:
        if self._serving.read_only:
            raise refused(403, "UIX017", "this page only shows: it was started with --read-only")
        wish = wish_from(await _body(request, self._serving.patience_s))
        build = await self._in_turn(self._build, wish)
        return _json({"id": build}, 202)

    async def stop(self, request: Request) -> Response:
        if self._serving.read_only:
            raise refused(403, "UIX017", "this page only shows: it was started with --read-only")
        await _body(request, self._serving.patience_s)
        found = await to_thread.run_sync(self._serving.builds.stop, request.path_params["id"])
        if not found:
            raise refused(404, "UIX013", "this server has started no such build")
        return _json({})

    # ------------------------------------------------------------------------------- in a thread

    async def _in_turn(self, work: Callable[[Wish], Any], wish: Wish) -> Any:
        return await to_thread.run_sync(work, wish, limiter=self._serving.few)

    def _document(self, key: str) -> Any:
        if not len(self._serving.feed):
            self._serving.pulse.beat()  # nobody else asks what has changed
        return self._serving.board.document(key)

    def _project(self, wish: Wish) -> Any:
        board = self._serving.board
        if board.errors:
            raise Refused(422, board.errors)
        project = load_as(board.how, wish.vars) if wish.vars else board.project
        project.raise_errors()
        return project

    def _select(self, wish: Wish) -> list[str]:
        with self._serving.board.reading:
            return list(select(self._serving.board.project, wish.ask).assets)

    def _plan(self, wish: Wish) -> Any:
        with self._serving.board.reading:
            project = self._project(wish)
            found = plan(project, wish.ask)
        title = f"{project.config.name}, target {project.target.name}{dialects(project.graph)}"
        text = plain_lines(unstyle(plan_text(found, title, fold=True)))
        return self._serving.board.hidden({**plan_json(found), "text": text})

    def _build(self, wish: Wish) -> str:
        with self._serving.board.reading:
            project = self._project(wish)
            select(project, wish.ask)
        if (holder := holder_of(project)) is not None:
            raise refused(409, "UIX016", f"{holder} is building here")
        if live := self._serving.pulse.live():
            run = live[0].run
            raise refused(409, "UIX016", f"'{run.command}' (process {run.pid}) is building here")
        build = self._serving.builds.start(wish)
        if build is None:
            raise refused(409, "UIX016", "a build of this page is under way")
        return build.id

    # ------------------------------------------------------------------------------------ answers

    def _file(self, path: str, request: Request) -> Response:
        found = self._serving.page.files.get(path)
        if found is None:
            raise refused(404, "UIX013", "there is no such page")
        return _content(request, found.content, found.type, found.etag)

    async def refusal(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        return _problems(error.refusal)

    async def fault(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, SqlpipesError)
        status = 409 if isinstance(error, LockedError) else 422
        return _json({"problems": self._serving.board.problems_json(error.problems)}, status)

    async def http_fault(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _problems(refused(error.status_code, "UIX013", error.detail).refusal)

    async def broken(self, request: Request, error: Exception) -> Response:
        self._serving.tell("".join(traceback.format_exception(error)))
        return _problems(refused(500, "UIX019", "the server broke at this request").refusal)


async def _body(request: Request, patience_s: float) -> bytes:
    """All of it. Refused 413 when it is too large, 408 when it does not come."""
    too_large = refused(413, "UIX015", f"the body is larger than {LARGEST} bytes")
    said = request.headers.get("content-length", "0")
    if said.isdigit() and int(said) > LARGEST:
        raise too_large
    found = b""
    try:
        with anyio.fail_after(patience_s):
            async for piece in request.stream():
                found += piece
                if len(found) > LARGEST:
                    raise too_large
    except TimeoutError:
        raise refused(408, "UIX015", "the body did not arrive") from None
    return found


def _content(request: Request, content: bytes, kind: str, etag: str) -> Response:
    heads = {"etag": etag}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=heads)
    return Response(content, headers=heads, media_type=None if kind is None else kind)


def _json(value: Any, status: int = 200) -> Response:
    text = json.dumps(value, separators=(",", ":"), default=str).encode()
    return Response(text, status, media_type="application/json")


def _problems(refusal: Refusal) -> Response:
    return _json({"problems": [problem_json(each) for each in refusal.problems]}, refusal.status)
