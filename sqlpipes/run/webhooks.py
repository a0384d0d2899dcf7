"""A hook's URL + the story -> a POST of it as JSON, tried again where that may help; what went wrong.

A POST that is answered with 301, 302 or 303 has not arrived: what is asked for at the new place is
something else. 307 and 308 ask for the same POST again, which is done on the same host only, as the
path or the password may be a secret.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from email.message import Message
from functools import cache
from types import MappingProxyType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from sqlpipes.core.job import Hook
from sqlpipes.run.masking import Mask

WORTH_ANOTHER = frozenset({408, 425, 429})  # of the answers 4xx; all 5xx are, too
MOVED = frozenset({301, 302, 303, 307, 308})
SAME_AGAIN = frozenset({307, 308})
MOST_MOVES = 5
NONE: Mapping[str, str] = MappingProxyType({})


def post(
    hook: Hook,
    said: Mapping[str, Any],
    pause_s: float,
    *,
    headers: Mapping[str, str] = NONE,
    wait: Callable[[float], object] = time.sleep,
) -> str:
    """What went wrong; "" when nothing did. `wait` makes the pauses between two tries."""
    told = ""
    for attempt in range(hook.retries + 1):
        if attempt:
            wait(pause_s * 2 ** (attempt - 1))
        told, again = _post_once(hook, said, headers)
        if not again:
            break
    tries = attempt + 1
    return f"{told} (attempt {tries} of {hook.retries + 1})" if told and attempt else told


def _post_once(hook: Hook, said: Mapping[str, Any], more: Mapping[str, str]) -> tuple[str, bool]:
    """What went wrong, and whether another try may go better."""
    from http.client import HTTPException

    try:
        url, headers = _address(hook.url or "")
        _sent(url, {**headers, **more}, json.dumps(said).encode(), hook.timeout_s)
        return "", False
    except HTTPError as error:
        error.close()
        return _answered(error, hook), error.code >= 500 or error.code in WORTH_ANOTHER
    except URLError as error:
        return _bare(error.reason, hook), True
    except TimeoutError:
        return f"no answer within {hook.timeout_s:g}s", True
    except (HTTPException, OSError, ValueError) as error:
        return _bare(f"{type(error).__name__}", hook), True


def _sent(url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> None:
    """The POST, and the same again where the same host asks for that. HTTPError says it was refused."""
    opener = _opener()
    for move in range(MOST_MOVES + 1):
        request = Request(url, body, dict(headers), method="POST")
        try:
            with opener.open(request, timeout=timeout_s) as answer:
                answer.read(1)
                return
        except HTTPError as error:
            there = _there(url, error.headers)
            if error.code not in SAME_AGAIN or move == MOST_MOVES or not _is_same(url, there):
                raise
            error.close()
            url = there


@cache  # making one costs as much as a POST
def _opener() -> OpenerDirector:
    return build_opener(_Stay)


class _Stay(HTTPRedirectHandler):
    """Goes nowhere by itself: urllib would make a GET of it, which is answered with 200."""

    def redirect_request(self, *_: Any) -> None:
        return None

    def http_error_308(self, *_: Any) -> None:
        return None


def _there(url: str, headers: Message) -> str:
    return urljoin(url, str(headers.get("Location") or ""))


def _is_same(one: str, other: str) -> bool:
    """Whether it is the same host, on the same way or on a safer one."""
    before, after = urlsplit(one), urlsplit(other)
    if before.hostname != after.hostname or other == one:
        return False
    if before.scheme == after.scheme:
        return before.port == after.port
    return (before.scheme, after.scheme) == ("http", "https")


def _address(url: str) -> tuple[str, dict[str, str]]:
    """The URL without a name and password, which go into a header."""
    headers = {"Content-Type": "application/json", "User-Agent": "sqlpipes"}
    parts = urlsplit(url)
    who, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, headers
    said = b64encode(unquote(who).encode()).decode()
    return urlunsplit(parts._replace(netloc=host)), headers | {"Authorization": f"Basic {said}"}


def _answered(error: HTTPError, hook: Hook) -> str:
    if error.code in MOVED:
        host = _host(urlsplit(_there(hook.url or "", error.headers)))
        return f"it answered {error.code}, moved to {host}"
    return f"it answered {error.code} {_bare(error.reason, hook)}".strip()


def _host(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.hostname}/..."


def _bare(reason: object, hook: Hook) -> str:
    """A reason without the URL or any part of it that may be secret."""
    said = str(reason)
    for part in (hook.url or "", (hook.url or "").partition("://")[2].partition("/")[2]):
        said = said.replace(part, "...") if part else said
    return Mask(hook.secrets)(said)
