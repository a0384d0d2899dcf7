"""A request's head -> whether it may come in. Nothing of the project is known here.

A page of another site may send requests to 127.0.0.1, or lead its own name there. So each needs a
Host that is served, and a cookie that only the token gives; one that changes something also says that
a script of our own page has sent it.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem
from sqlpipes.web.refused import Refusal

HTTP_PORT = 80  # which a Host without one means
OWN_SITE = ("same-origin", "none")  # of Sec-Fetch-Site: our page, or typed by a person

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Gate:
    """Who is let in. `names` are hosts without a port, in lower case; `public` is an origin such as
    https://pipes.acme.com, by which a proxy in front of us is reached."""

    token: str
    port: int
    names: frozenset[str]
    addresses: bool = False  # any address in digits is ours: we listen on all of them
    public: str = ""

    @property
    def cookie(self) -> str:
        """Its name. Cookies of one host are shared by all of its ports."""
        return f"sqlpipes_{self.port}"

    @property
    def pass_text(self) -> str:
        """What the cookie holds: not the token, but only who has it can make it."""
        return hmac.new(self.token.encode(), b"sqlpipes ui", hashlib.sha256).hexdigest()

    @property
    def is_secret(self) -> bool:
        """Whether browsers are to send the cookie over TLS only."""
        return self.public.startswith("https:")


def is_token(gate: Gate, said: str) -> bool:
    return hmac.compare_digest(said.encode(errors="replace"), gate.token.encode())


def host_refusal(gate: Gate, headers: Headers) -> Refusal | None:
    """Against a name that was led here: another Host than ours is answered with nothing."""
    host = headers.get("host", "")
    if is_served(gate, host):
        return None
    hint = "behind a proxy, start it with the address that people use: --public-url https://..."
    return _refusal(403, "UIX010", f"nothing is served under the name '{_short(host)}'", hint)


def is_served(gate: Gate, host: str) -> bool:
    """Whether a Host header names us.

    >>> gate = Gate("t", 8580, frozenset({"localhost"}), public="https://pipes.acme.com")
    >>> [is_served(gate, each) for each in ("localhost:8580", "localhost", "evil.com:8580")]
    [True, False, False]
    >>> is_served(gate, "pipes.acme.com"), is_served(gate, "127.0.0.1:8580")
    (True, False)
    """
    if gate.public and host.lower() == urlsplit(gate.public).netloc:
        return True
    try:
        parts = urlsplit(f"//{host}")
        name, port = (parts.hostname or "").lower(), parts.port or HTTP_PORT
    except ValueError:
        return False
    if parts.netloc != host or parts.username is not None or port != gate.port:
        return False
    return name in gate.names or (gate.addresses and _is_address(name))


def cookie_refusal(gate: Gate, headers: Headers) -> Refusal | None:
    """The cookie is given for the token, see `is_token`."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(gate.cookie)
    except CookieError:
        found = None
    if found and hmac.compare_digest(found.value.encode(errors="replace"), gate.pass_text.encode()):
        return None
    hint = "open the address with ?token=... that sqlpipes ui printed"
    return _refusal(403, "UIX011", "this browser has not shown the token", hint)


def site_refusal(gate: Gate, headers: Headers) -> Refusal | None:
    """A browser says which site's page sent a request; one of another site is refused."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site not in OWN_SITE:
        return _refusal(403, "UIX012", "a page of another site sent this request")
    if origin is not None and origin.lower() not in _origins(gate, headers):
        hint = "behind a proxy, start it with the address that people use: --public-url https://..."
        return _refusal(403, "UIX012", f"a page of '{_short(origin)}' sent this request", hint)
    return None


def change_refusal(gate: Gate, headers: Headers) -> Refusal | None:
    """What changes something comes from a script: no form of another page can send such a head."""
    if headers.get("x-sqlpipes") != "1":
        return _refusal(403, "UIX012", "the header X-Sqlpipes: 1 is missing")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return _refusal(415, "UIX014", "the body must be application/json")
    return None


def _origins(gate: Gate, headers: Headers) -> tuple[str, ...]:
    return f"http://{headers.get('host', '').lower()}", gate.public


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _refusal(status: int, code: str, message: str, hint: str | None = None) -> Refusal:
    return Refusal(status, (Problem(code, message, hint=hint),))


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
