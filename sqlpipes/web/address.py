"""What the command line says -> where a server listens and whom it lets in, or why not so."""

from __future__ import annotations

import ipaddress
import platform
import secrets
import socket
from urllib.parse import quote, urlsplit

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, ProjectError
from sqlpipes.web.gate import Gate

PORT = 8580
TRIES = 50  # ports after it that are tried when nobody named one
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
