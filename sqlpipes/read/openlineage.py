"""`openlineage:` of the project file, and OPENLINEAGE_* of the environment -> an Outlet, or none.

The environment wins, as with all that speak OpenLineage, but a key of the file is not sent to a host that
only the environment names.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit, urlunsplit

from sqlpipes.core.config import OWN_ENGINE
from sqlpipes.core.errors import Location, Problem, Severity, did_you_mean
from sqlpipes.core.job import Hook
from sqlpipes.core.outlet import Outlet
from sqlpipes.read.braces import Names, fill
from sqlpipes.read.marked import Node
from sqlpipes.read.seconds import seconds_of
from sqlpipes.read.settings import count, flag, string_mapping, text, wrong

KEYS = (
    *("url", "endpoint", "api_key", "file", "namespace", "dataset_namespaces"),
    *("enabled", "timeout_s", "retries", "wait_s"),
)
ENDPOINT = "api/v1/lineage"  # of Marquez, and of all that take its place
TIMEOUT_S = 5.0
RETRIES = 2
KEY, URL = "OPENLINEAGE_API_KEY", "OPENLINEAGE_URL"
PARENT = "OPENLINEAGE_PARENT_ID"
WRONG = "OLN003"


def read_outlet(
    node: Node | None, root: str, names: Names, environ: Mapping[str, str], problems: list[Problem]
) -> tuple[Outlet | None, tuple[str, ...]]:
    """None when nobody is to be told: nothing says where, or something says not to. What is secret of it,
    whether it is used or not."""
    own = environ.get(URL, "").strip()
    if node is None and not own:
        return None, ()
    reader = _Reader(node or Node("", {}, "", {}), root, names, environ, problems)
    outlet = reader.outlet()
    is_off = _is_true(environ.get("OPENLINEAGE_DISABLED"))
    return None if is_off else outlet, reader.secrets()


class _Reader:
    """The work of reading the entry. A key that the project file says is for the URL that it says."""

    def __init__(
        self,
        raw: Node,
        root: str,
        names: Names,
        environ: Mapping[str, str],
        problems: list[Problem],
    ) -> None:
        self.node = fill(raw, names, problems)
        self.root, self.environ, self.problems = root, environ, problems

    def outlet(self) -> Outlet | None:
        node, problems = self.node, self.problems
        if not isinstance(node.value, dict):
            problems.append(wrong(node, f"a mapping of {', '.join(KEYS)}"))
            return None
        self.refuse_unknown()
        hook, file = self.hook(), self.file()
        if not flag(node.get("enabled"), True, problems) or not (hook or file):
            return None
        seconds = seconds_of("wait_s", node.get("wait_s"), "CFG002", problems)
        said = self.environ.get("OPENLINEAGE_NAMESPACE") or text(node.get("namespace"), problems)
        return Outlet(
            hook=hook,
            file=file,
            namespace=said or "default",
            api_key=self.key() if hook else "",
            places=self.places(),
            parent=self.parent(),
            at=node.key_at if node.file else None,
            **seconds,
        )

    def refuse_unknown(self) -> None:
        for key, below in self.node.entries():
            if key not in KEYS:
                hint = did_you_mean(key, KEYS) or f"known keys: {', '.join(KEYS)}"
                message = f"'openlineage' has no key '{key}'"
                self.problems.append(Problem("CFG001", message, below.key_at, hint))

    def hook(self) -> Hook | None:
        node, environ = self.node, self.environ
        own = environ.get(URL, "").strip()
        written = node.get("url")
        url = own or text(written, self.problems).strip()
        seconds = seconds_of("timeout_s", node.get("timeout_s"), "CFG002", self.problems)
        tries = count(node.get("retries"), self.problems)
        key = self.key()
        if not url or "{{" in url:
            return None  # told already, or an env_var that is empty here
        address = self.address(url, None if own else written)
        if address is None or not self.is_header(key):
            return None
        parts = urlsplit(address)
        return Hook(
            url=address,
            timeout_s=seconds.get("timeout_s", TIMEOUT_S),
            retries=RETRIES if tries is None else tries,
            shown=f"{parts.scheme}://{parts.hostname}",
            at=written.at if written and not own else Location(URL),
            secrets=self.secrets(),
        )

    def secrets(self) -> tuple[str, ...]:
        written = text(self.node.get("api_key"), []).strip()
        urls = (self.environ.get(URL, ""), text(self.node.get("url"), []))
        return tuple(
            each
            for each in (self.environ.get(KEY, "").strip(), written, *map(_password, urls))
            if each and "{{" not in each
        )

    def key(self) -> str:
        key = self.environ.get(KEY, "").strip()
        if key or self.environ.get(URL, "").strip():
            return key
        return text(self.node.get("api_key"), []).strip()

    def address(self, url: str, written: Node | None) -> str | None:
        """Where events are posted: the endpoint below the URL. None: it is none, which is told."""
        end = self.environ.get("OPENLINEAGE_ENDPOINT") or text(
            self.node.get("endpoint"), self.problems
        )
        try:
            parts = urlsplit(url)
            sound = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
        except ValueError:
            sound = None
        if not sound:
            at = written.at if written else Location(URL)
            hint = "write it as https://host"
            self.problems.append(
                Problem("CFG002", "the url of 'openlineage' is no http or https URL", at, hint)
            )
            return None
        end = (end or ENDPOINT).strip("/")
        path = parts.path.strip("/")
        if path != end and not path.endswith(f"/{end}"):
            path = f"{path}/{end}".strip("/")
        return urlunsplit(parts._replace(path=f"/{path}"))

    def is_header(self, key: str) -> bool:
        """Whether a header can say the key: what cannot be sent is not tried."""
        if key.isascii() and key.isprintable():
            return True
        written = self.node.get("api_key")
        at = Location(KEY) if self.environ.get(KEY) or written is None else written.at
        message = "the api_key of 'openlineage' has characters that no header can have"
        self.problems.append(Problem("CFG002", message, at))
        return False

    def file(self) -> str | None:
        node = self.node.get("file")
        said = text(node, self.problems)
        if not said or "{{" in said:
            return None
        path = os.path.normpath(os.path.join(self.root, os.path.expanduser(said)))
        if node and (os.path.isdir(path) or said.endswith(("/", os.sep))):
            self.problems.append(wrong(node, "a file, not a folder"))
            return None
        return path

    def places(self) -> dict[str, str]:
        """Engine -> namespace; a single text is for the target's own."""
        node = self.node.get("dataset_namespaces")
        if node is not None and not isinstance(node.value, dict):
            said = text(node, self.problems)
            return {"": said} if said else {}
        found = string_mapping(node, self.problems)
        return {"" if key == OWN_ENGINE else key: said for key, said in found.items() if said}

    def parent(self) -> tuple[str, str, str] | None:
        """Who runs us, as `namespace/job/run id`: a namespace may have slashes, the others have none."""
        said = self.environ.get(PARENT, "").strip()
        if not said:
            return None
        words = said.rsplit("/", 2)
        if len(words) == 3 and all(words) and _is_uuid(words[2]):
            return words[0], words[1], words[2]
        message = f"{PARENT} is not namespace/job/run-id, so events name no parent"
        hint = "the run id is a UUID"
        told = Problem(WRONG, message, Location(PARENT), hint, Severity.WARNING)
        self.problems.append(told)
        return None


def _password(url: str) -> str:
    try:
        return unquote(urlsplit(url).password or "")
    except ValueError:
        return ""


def _is_uuid(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True


def _is_true(text: str | None) -> bool:
    return (text or "").strip().casefold() in ("true", "1", "yes", "on")
