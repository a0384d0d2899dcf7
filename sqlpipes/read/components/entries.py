"""YAML entries with a `type:` -> what their components declare.

A component is built when its entry, its code or what it looked at has changed; else what was learned
the last time is taken, and neither msgspec nor the user's class is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, did_you_mean
from sqlpipes.read.braces import fill
from sqlpipes.read.cache import Cache, Facts
from sqlpipes.read.components.catalog import Catalog
from sqlpipes.read.components.hidden import secrets_of
from sqlpipes.read.components.needs import hold
from sqlpipes.read.components.wanted import Wanted
from sqlpipes.read.files import File, decode, one_file, read_bytes
from sqlpipes.read.ground import Ground
from sqlpipes.read.marked import Node
from sqlpipes.read.python.found import Contents, contents_again
from sqlpipes.read.settings import flag

KEYS = ("type", "attributes", "overrides", "enabled", "description")


@dataclass(frozen=True, slots=True)
class Component:
    """One entry that was read: what it declares, and what changes of it afterwards."""

    wanted: Wanted
    contents: Contents
    overrides: Node | None = None
    secrets: tuple[str, ...] = ()  # that are in it, or came to it from the environment

    def loader(self, kind: str, name: str) -> Callable[[], Any]:
        """A call that builds it again and gives the function of an asset or check."""
        return partial(_load, self.wanted, kind, name)


def read_components(
    nodes: Sequence[Node],
    catalog: Catalog,
    ground: Ground,
    cache: Cache,
    problems: list[Problem],
) -> list[Component]:
    """Each sound entry, in order. Faults of the others are added to `problems`."""
    found: list[Component] = []
    for node in nodes:
        wanted = _wanted(node, catalog, ground, problems)
        if wanted is not None:
            facts = _known(wanted, cache)
            contents = contents_again(facts)
            problems += contents.problems
            asked = [name for kind, name, _ in facts["needs"] if kind == "env"]
            secrets = tuple(secrets_of(wanted, facts["hidden"], asked))
            found.append(Component(wanted, contents, node.get("overrides"), secrets))
    return found


def _wanted(node: Node, catalog: Catalog, ground: Ground, problems: list[Problem]) -> Wanted | None:
    said = node.get("type")
    if said is None or not isinstance(said.value, str):
        near = next((key for key, _ in node.entries() if did_you_mean(key, ("type",))), None)
        hint = f"did you mean 'type' by '{near}'?" if near and near != "type" else ""
        hint = hint or "begin it with `type:`, such as `type: files`"
        problems.append(Problem("CMP001", "a component needs a type", (said or node).at, hint))
        return None
    for key, below in node.entries():
        if key not in KEYS:
            hint = did_you_mean(key, KEYS) or "what the class is given stands under `attributes:`"
            message = f"a component has no key '{key}'"
            problems.append(Problem("CMP002", message, below.key_at, hint))
    before = len(problems)
    said_of_it = node.get("enabled")
    enabled = fill(said_of_it, ground.names, problems) if said_of_it else None
    if len(problems) > before or not flag(enabled, True, problems):
        return None
    home = catalog.find(said.value, said.at, problems)
    given = node.get("attributes")
    if given is not None and not isinstance(given.value, dict):
        message = "'attributes' must be a mapping, one key for each field of the class"
        problems.append(Problem("CMP004", message, given.at))
        return None
    attributes = given or Node(node.file, node.marks, f"{node.path}/type", {})
    if home is None:
        return None
    config, target = ground.config, ground.target
    return Wanted(home, attributes, said.at, ground.root, target, ground.names, config.dialect)


def _known(wanted: Wanted, cache: Cache) -> Facts:
    environ, root = wanted.names.environ, wanted.root
    key = File(f"{wanted.at.file}#{wanted.at.line}:{wanted.at.column}", "", 0, 0)
    digest = wanted.digest()
    return cache.told(
        key, "made", digest, lambda: _facts(wanted), lambda old: hold(old["needs"], root, environ)
    )


def _facts(wanted: Wanted) -> Facts:
    from sqlpipes.read.components.making import made_by
    from sqlpipes.read.python.found import plain_contents

    contents, needs, may_be_kept = made_by(wanted, partial(_lines, wanted))
    return {
        "needs": needs.said,
        "hidden": needs.hidden,
        "secret": not may_be_kept,
        **plain_contents(contents),
    }


def _lines(wanted: Wanted) -> list[str]:
    """The YAML file's, as they are now."""
    file = one_file(wanted.root, wanted.at.file)
    content = read_bytes(file) if file else b""
    text = decode(content, wanted.at.file) if isinstance(content, bytes) else content
    return [] if isinstance(text, Problem) else text.splitlines()


def _load(wanted: Wanted, kind: str, name: str) -> Any:
    from sqlpipes.read.components.making import function_of

    return function_of(wanted, kind, name)
