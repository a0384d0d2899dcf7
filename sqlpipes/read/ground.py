"""What every reader of assets stands on: the project's place, config, target, and its folder defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from hashlib import blake2b

from sqlpipes.core.asset import Column
from sqlpipes.core.config import OWN_ENGINE, Plain, ProjectConfig, Target
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, Severity, did_you_mean
from sqlpipes.core.sql import Relation
from sqlpipes.read.braces import Names, fill
from sqlpipes.read.labels import links, owners
from sqlpipes.read.marked import Node
from sqlpipes.read.properties import nameless
from sqlpipes.read.settings import Layered, layer, merge, text


@dataclass(frozen=True, slots=True)
class Ground:
    """Shared by all assets of one reading. `folders`: folder -> its own layer of defaults.

    `placed`: asset -> the relation that it is read with, whatever its settings say. `dialects`: those of
    further engines that speak another one than the project.
    """

    root: str
    config: ProjectConfig
    target: Target
    names: Names
    folders: Mapping[str, Layered] = field(default_factory=dict)
    placed: Mapping[str, Relation] = field(default_factory=dict)
    dialects: Mapping[str, str] = field(default_factory=dict)

    def relation(self, schema: str, name: str, catalog: str, engine: str = "") -> Relation:
        """Where an asset is written: a schema of its own gets the target's prefix."""
        target = self.target.on(engine)
        where = f"{target.schema_prefix}{schema}" if schema else target.schema
        return Relation(name, where, catalog or None)

    def engine(self, node: Node | None, problems: list[Problem]) -> str:
        """The further engine that an asset names; empty for the target's own. XNG001: there is none."""
        said = text(node, problems) if node is not None else ""
        return self.engine_named(said, node.at if node else None, problems)

    def engine_named(self, said: str, at: Location | None, problems: list[Problem]) -> str:
        known = self.target.engines
        if said in ("", OWN_ENGINE) or (said in known and known[said] is None):
            return ""
        if said in known:
            return said
        message = f"the target '{self.target.name}' has no engine '{said}'"
        listed = f"its engines: {', '.join([OWN_ENGINE, *known])}"
        none = f"add it to the target's output: `engines: {{{said}: {{type: ...}}}}`"
        hint = did_you_mean(said, [OWN_ENGINE, *known]) or (listed if known else none)
        problems.append(Problem("XNG001", message, at, hint))
        return ""

    def dialect_of(self, engine: str) -> str:
        """The dialect that texts of that engine are in, where it is not the project's."""
        return self.dialects.get(engine, "")

    def fqn(self, path: str, name: str) -> tuple[str, ...]:
        """Project, the folders below models/ or seeds/, name."""
        for base in (*self.config.model_paths, *self.config.seed_paths):
            if path.startswith(f"{base}/"):
                return (self.config.name, *path[len(base) + 1 :].split("/")[:-1], name)
        return (self.config.name, *path.split("/")[:-1], name)


def folder_layers(node: Node | None, names: Names, problems: list[Problem]) -> dict[str, Layered]:
    """`defaults:` of the project file as layers by folder."""
    found: dict[str, list[Node]] = {}
    for folder, below in node.entries() if node else ():
        found.setdefault(folder.strip("/").removeprefix("./"), []).append(
            fill(below, names, problems)
        )
    layers = {folder: layer(nodes, "folder", problems) for folder, nodes in found.items()}
    for each in layers.values():  # also where nothing but Python stands below
        owners(each.node("owner"), problems)
        links(each.all("links"), problems)
    return layers


def layers_of(folders: Mapping[str, Layered], path: str, kind_keys: frozenset[str]) -> Layered:
    """The defaults that hold for a file, its nearest folder strongest, less the keys of other kinds."""
    chain = [folders[""]] if "" in folders else []
    folder = ""
    for part in path.split("/")[:-1]:
        folder = f"{folder}/{part}" if folder else part
        if folder in folders:
            chain.append(folders[folder])
    if not chain:
        return Layered()
    nodes = merge(chain).nodes
    return Layered({key: value for key, value in nodes.items() if key in kind_keys})


def read_columns(
    nodes: Sequence[Node], problems: list[Problem]
) -> tuple[tuple[Column, ...], list[tuple[str, Node]]]:
    """Columns as documented, each once (a later list fills in), and the checks that stand below them."""
    found: dict[str, Column] = {}
    checks: list[tuple[str, Node]] = []
    for node in nodes:
        seen: dict[str, Node] = {}
        for name, below in _column_nodes(node, problems):
            if name in seen:
                message = f"the column '{name}' stands twice in one list"
                others = (seen[name].at,)
                problems.append(Problem("CFG003", message, below.at, others=others))
            seen[name] = below
            column = _column(name, below, checks, problems)
            old = found.get(name, Column(name))
            found[name] = Column(
                name, column.type or old.type, column.description or old.description
            )
    return tuple(found.values()), checks


COLUMN_KEYS = ("name", "type", "data_type", "description", "checks", "tests", "data_tests")
COLUMN_IGNORED = ("meta", "tags", "quote", "constraints", "config", "policy_tags", "granularity")


def _column_nodes(node: Node, problems: list[Problem]) -> list[tuple[str, Node]]:
    """(name, what is said about it) of a list of names or entries, or of a mapping by name."""
    if isinstance(node.value, dict):
        return list(node.entries())
    found: list[tuple[str, Node]] = []
    for item in node.items():
        named = item.get("name")
        if isinstance(item.value, str):
            found.append((item.value, item.with_value(None)))
        elif named is not None:
            found.append((text(named, problems), item))
        else:
            problems.append(nameless(item))
    return found


def _column(
    name: str, node: Node, checks: list[tuple[str, Node]], problems: list[Problem]
) -> Column:
    if isinstance(node.value, str):  # columns: {order_id: what it is}
        return Column(name, None, node.value.strip())
    kind, description = "", ""
    for key, below in node.entries():
        if key in ("type", "data_type"):
            kind = text(below, problems)
        elif key == "description":
            description = text(below, problems).strip()
        elif key in ("checks", "tests", "data_tests"):
            checks.append((name, below))
        elif key not in COLUMN_KEYS:
            problems.append(_unknown_column_key(key, below))
    return Column(name, kind or None, description)


def _unknown_column_key(key: str, node: Node) -> Problem:
    if key in COLUMN_IGNORED:
        message = f"the key '{key}' of a column is ignored"
        return Problem("CFG004", message, node.key_at, severity=Severity.WARNING)
    hint = did_you_mean(key, COLUMN_KEYS)
    return Problem("CFG001", f"a column has no key '{key}'", node.key_at, hint)


def with_docs(columns: tuple[Column, ...], docs: Sequence[tuple[str, str]]) -> tuple[Column, ...]:
    """Columns with the comments that stand behind them in the query, where nothing else is said."""
    if not docs:
        return columns
    found = {column.name: column for column in columns}
    for name, comment in docs:
        old = found.get(name, Column(name))
        found[name] = Column(name, old.type, old.description or comment)
    return tuple(found.values())


def settings_hash(plain: Mapping[str, Plain]) -> str:
    """Eight hexadecimal digits of the settings that change what is written."""
    return blake2b(repr(sorted(plain.items())).encode(), digest_size=4).hexdigest()


def body_hash(*parts: str) -> str:
    """Sixteen hexadecimal digits."""
    return blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()
