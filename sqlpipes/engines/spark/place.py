"""Target -> where its Spark Connect server is, and how tables are made there. Nothing is opened here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field
from urllib.parse import quote, unquote, urlsplit

from sqlpipes.core.config import Plain, Target
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, ProjectError, did_you_mean

PORT = 15002
TIMEOUT_S = 10
FORMATS = ("parquet", "delta", "iceberg", "orc")
ADDRESS = ("host", "port", "user", "token", "use_ssl")  # what a URL says
TEXTS = ("host", "user", "token", "catalog", "file_format", "location_root", "user_agent")
NUMBERS = ("port", "connect_timeout")
KNOWN = (*TEXTS, *NUMBERS, "url", "use_ssl", "settings")
PARAMETERS = {"token": "token", "user_id": "user", "use_ssl": "use_ssl"}
CONF = re.compile(r"[A-Za-z][\w.\-]*")
URL_HINT = "write sc://host:15002, with ;use_ssl=true;token=... after a slash where they are needed"
# Days begin in UTC, faults are faults and are told where they stand, wherever the server is set up.
OURS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.sources.partitionOverwriteMode": "dynamic",
}


@dataclass(frozen=True, slots=True)
class Place:
    """How to connect and what is set on the session. Its text shows no token."""

    host: str
    port: int
    parameters: tuple[tuple[str, str], ...] = field(repr=False, default=())  # of the URL
    secret: str = field(repr=False, default="")
    catalog: str | None = None
    schema: str = "default"
    file_format: str = "parquet"
    location_root: str | None = None
    settings: tuple[tuple[str, str], ...] = ()
    timeout_s: int = TIMEOUT_S

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def is_encrypted(self) -> bool:
        """As the client sees it: a token is sent to nobody in the clear."""
        said = dict(self.parameters)
        return said.get("use_ssl", "").lower() == "true" or "token" in said

    @property
    def url(self) -> str:
        """
        >>> Place("db", 15002, (("token", "a;b"),)).url
        'sc://db:15002/;token=a%3Bb'
        """
        said = "".join(f";{name}={quote(value, safe='')}" for name, value in self.parameters)
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"sc://{host}:{self.port}/{said}"


def place_of(target: Target) -> Place:
    """Raises ProjectError PRF003 for what the target's output says wrongly, all of it at once."""
    problems: list[Problem] = []
    said = _named(target, problems)
    parameters: dict[str, str] = {}
    if "url" in said:
        parameters = _of_url(target, said, problems)
    for key in (*TEXTS, *NUMBERS, "use_ssl"):
        _check(target, key, said.get(key), problems)
    settings = _settings(target, said.get("settings"), problems)
    kind = str(said.get("file_format") or "parquet").lower()
    if kind not in FORMATS:
        hint = did_you_mean(kind, FORMATS) or f"it is one of {', '.join(FORMATS)}"
        problems.append(_wrong(target, "file_format", f"there is no file_format '{kind}'", hint))
    if not ("url" in said or said.get("host")):
        message = "a target of type spark needs the 'url' or the 'host' of its Spark Connect server"
        problems.append(_wrong(target, "type", message, URL_HINT))
    if problems:
        raise ProjectError(*problems)
    host = parameters.pop("host", str(said.get("host")))
    port = int(parameters.pop("port", "") or str(said.get("port") or PORT))
    for key, name in (("token", "token"), ("user", "user_id")):
        if said.get(key):
            parameters[name] = str(said[key])
    if said.get("use_ssl") is not None:
        parameters["use_ssl"] = str(said["use_ssl"]).lower()
    root = said.get("location_root")
    return Place(
        host,
        port,
        tuple(parameters.items()),
        parameters.get("token", ""),
        str(said["catalog"]) if said.get("catalog") else None,
        target.schema,
        kind,
        str(root).rstrip("/") if root else None,
        (*OURS.items(), *settings),
        int(str(said.get("connect_timeout") or TIMEOUT_S)),
    )


def _named(target: Target, problems: list[Problem]) -> dict[str, Plain]:
    said: dict[str, Plain] = {}
    for key, value in target.options.items():
        if key in KNOWN:
            said[key] = value
            continue
        listed = ", ".join(sorted({*KNOWN, "schema", "threads", "schema_prefix"}))
        near = did_you_mean(key, [*KNOWN, "schema", "threads"])
        message = f"a target of type spark has no '{key}'"
        problems.append(_wrong(target, f"{key}:", message, near or f"it has {listed}"))
    return said


def _check(target: Target, key: str, value: Plain, problems: list[Problem]) -> None:
    if value is None:
        return
    if key == "use_ssl":
        if not isinstance(value, bool):
            problems.append(_wrong(target, key, "'use_ssl' must be true or false"))
    elif key in NUMBERS:
        if isinstance(value, bool) or not str(value).isdigit() or not int(str(value)):
            problems.append(_wrong(target, key, f"'{key}' must be a whole number above zero"))
    elif isinstance(value, (dict, list, bool)):
        problems.append(_wrong(target, key, f"'{key}' must be a text"))


def _of_url(target: Target, said: Mapping[str, Plain], problems: list[Problem]) -> dict[str, str]:
    """The parts of a URL, which is never shown: it may hold a token."""
    text = str(said["url"])
    head, *rest = text.split(";")
    try:
        parts = urlsplit(head)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme != "sc" or not host or parts.path not in ("", "/"):
        problems.append(_wrong(target, "url", "'url' is no address of Spark Connect", URL_HINT))
        return {}
    found = {"host": host} | ({"port": str(port)} if port else {})
    for each in filter(None, rest):
        name, equals, value = each.partition("=")
        if not equals:
            message = "'url' has a parameter without a value"
            problems.append(_wrong(target, "url", message, URL_HINT))
        found[name] = unquote(value)
    keys = {PARAMETERS.get(name, name) for name in found}
    if doubled := [key for key in ADDRESS if key in said and key in keys]:
        message = f"'url' already says what '{doubled[0]}' is"
        problems.append(_wrong(target, doubled[0], message, "say either, not both"))
    return found


def _settings(target: Target, said: Plain, problems: list[Problem]) -> tuple[tuple[str, str], ...]:
    if said is None:
        return ()
    if not isinstance(said, dict):
        message = "'settings' must be Spark's settings with their values"
        problems.append(_wrong(target, "settings", message))
        return ()
    found = []
    for name, value in said.items():
        if name in OURS or not CONF.fullmatch(str(name)):
            message = f"'settings' must not say '{name}'"
            hint = f"it is always {OURS[name]}" if name in OURS else "that is no name of a setting"
            problems.append(_wrong(target, "settings", message, hint))
        text = str(value).lower() if isinstance(value, bool) else str(value)
        found.append((str(name), text))
    return tuple(found)


def _wrong(target: Target, key: str, message: str, hint: str | None = None) -> Problem:
    return Problem("PRF003", message, target.places.get(key), hint)
