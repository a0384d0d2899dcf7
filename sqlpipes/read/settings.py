"""Config of one asset: layers of plain values with their places -> one set of typed values.

Layers run from weak to strong: folder defaults, property files, the file itself. A stronger layer
replaces a key; tags, meta, checks and columns add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field, replace

from sqlpipes.core.asset import Dependency, Materialized
from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, Severity, did_you_mean
from sqlpipes.core.reads import FORMS, Reads, declared_reads
from sqlpipes.read.keys import ADDING, BELOW, IGNORED, KNOWN, OTHER_NAMES, SOURCE
from sqlpipes.read.marked import Node


@dataclass(slots=True)
class Layered:
    """Canonical key -> the nodes that set it: one, or for adding keys all of them, weak to strong."""

    nodes: dict[str, tuple[Node, ...]] = field(default_factory=dict)

    def node(self, key: str) -> Node | None:
        found = self.nodes.get(key)
        return found[-1] if found else None

    def all(self, key: str) -> tuple[Node, ...]:
        return self.nodes.get(key, ())

    def plain(self) -> dict[str, Plain]:
        """The merged config as written; checks and columns are told elsewhere."""
        found: dict[str, Plain] = {}
        for key, nodes in self.nodes.items():
            if key == "tags":
                found[key] = list(tags(self))
            elif key in ("meta", "links"):
                found[key] = meta(self, key=key)
            elif key == "grants":
                found[key] = grants_plain(nodes)
            elif key not in ("checks", "columns"):
                found[key] = nodes[-1].value
        return found


def grants_plain(nodes: Sequence[Node]) -> dict[str, Plain]:
    """privilege -> roles over all layers: a stronger one replaces a privilege, `+` before it adds."""
    found: dict[str, Plain] = {}
    for written, below in (entry for node in nodes for entry in node.entries()):
        roles: list[Plain] = [item.value for item in below.items()]
        privilege = privilege_of(written)
        before = found.get(privilege) if written.strip().startswith("+") else None
        found[privilege] = [*before, *roles] if isinstance(before, list) else roles
    return found


def privilege_of(written: str) -> str:
    """
    >>> privilege_of("+SELECT ")
    'select'
    """
    return written.strip().lstrip("+").strip().lower()


def layer(
    nodes: Sequence[Node],
    kind: str,
    problems: list[Problem],
    skip: Iterable[str] = (),
) -> Layered:
    """One layer out of all the places of equal rank that configure an asset.

    Unknown keys are CFG001, one key with two values CFG003, dbt's keys without a meaning here CFG004.
    """
    found = Layered()
    for node in nodes:
        _add_keys(node, kind, found, problems, frozenset(skip))
    return found


def _add_keys(
    node: Node, kind: str, found: Layered, problems: list[Problem], skip: frozenset[str]
) -> None:
    known = KNOWN[kind]
    for written, below in node.entries():
        key = OTHER_NAMES.get(written.lstrip("+"), written.lstrip("+"))
        if key in skip or below.value is None:
            continue
        if key == "config" and isinstance(below.value, dict):
            _add_keys(below, kind, found, problems, skip)
        elif key in known:
            _add_one(key, below, found, problems)
        elif key in IGNORED:
            problems.append(_ignored(written, below))
        else:
            problems.append(_unknown(written, below, kind))


def _add_one(key: str, node: Node, found: Layered, problems: list[Problem]) -> None:
    before = found.nodes.get(key, ())
    if key in ADDING:
        found.nodes[key] = (*before, node)
    elif not before:
        found.nodes[key] = (node,)
    elif before[-1].value != node.value:
        hint = "both places weigh the same: keep one"
        problems.append(
            Problem(
                "CFG003",
                f"'{key}' is set to two different values",
                node.key_at,
                hint,
                others=(before[-1].key_at,),
            )
        )


def _ignored(written: str, node: Node) -> Problem:
    message = f"the key '{written}' has no meaning here and is ignored"
    return Problem("CFG004", message, node.key_at, severity=Severity.WARNING)


def _unknown(written: str, node: Node, kind: str) -> Problem:
    what = {"folder": "an asset"}.get(kind, f"a {kind}")
    if written == "name":
        hint: str | None = "an asset is named by its file; `alias:` names the relation"
    elif written in KNOWN["folder"] | SOURCE:
        hint = "it is a key of " + ", ".join(k + "s" for k, v in KNOWN.items() if written in v)
    elif BELOW.get(written) in KNOWN[kind]:
        hint = f"it stands one level down: `{BELOW[written]}: {{{written}: ...}}`"
    else:
        hint = did_you_mean(written, sorted(KNOWN[kind] | set(OTHER_NAMES)))
    return Problem("CFG001", f"{what} has no key '{written}'", node.key_at, hint)


def merge(layers: Iterable[Layered]) -> Layered:
    """Layers, weak to strong, as one."""
    merged: dict[str, tuple[Node, ...]] = {}
    for one in layers:
        for key, nodes in one.nodes.items():
            merged[key] = merged[key] + nodes if key in ADDING and key in merged else nodes
    return Layered(merged)


def text(node: Node | None, problems: list[Problem], wanted: str = "a text") -> str:
    """A text; "" when it is missing. Numbers count as their spelling."""
    if node is None or node.value is None:
        return ""
    if isinstance(node.value, (str, int, float)) and not isinstance(node.value, bool):
        return str(node.value)
    problems.append(wrong(node, wanted))
    return ""


def texts(node: Node | None, problems: list[Problem]) -> tuple[str, ...]:
    """A text or a list of texts, as a tuple."""
    wanted = "a text or a list of texts"
    found = [text(item, problems, wanted) for item in (node.items() if node else ())]
    return tuple([said for said in found if said])


def flag(node: Node | None, default: bool, problems: list[Problem]) -> bool:
    if node is None:
        return default
    said = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    value = said.get(str(node.value).strip().casefold())
    if value is None:
        problems.append(wrong(node, "true or false"))
        return default
    return value


def count(node: Node | None, problems: list[Problem], least: int = 0) -> int | None:
    if node is None:
        return None
    if isinstance(node.value, int) and not isinstance(node.value, bool) and node.value >= least:
        return node.value
    problems.append(wrong(node, f"a whole number from {least}"))
    return None


def wrong(node: Node, wanted: str) -> Problem:
    return Problem("CFG002", f"'{_name_of(node)}' must be {wanted}", node.at)


def _name_of(node: Node) -> str:
    path = node.path.split("/")
    named = [part for part in path if part and not part.isdigit()]
    return named[-1].replace("~1", "/").replace("~0", "~") if named else "this"


def tags(found: Layered, problems: list[Problem] | None = None) -> tuple[str, ...]:
    """All layers' tags, each once, in order of their first mention."""
    faults: list[Problem] = [] if problems is None else problems
    return tuple(dict.fromkeys(tag for node in found.all("tags") for tag in texts(node, faults)))


def meta(
    found: Layered, problems: list[Problem] | None = None, key: str = "meta"
) -> dict[str, Plain]:
    """All layers' meta, key by key."""
    merged: dict[str, Plain] = {}
    for node in found.all(key):
        if isinstance(node.value, dict):
            merged |= node.value
        elif problems is not None:
            problems.append(wrong(node, "a mapping"))
    return merged


def materialized(node: Node | None, problems: list[Problem]) -> Materialized | None:
    """None when nothing is said."""
    allowed = ("view", "table", "incremental", "snapshot", "ephemeral", "file")
    if node is None:
        return None
    value = str(node.value).casefold()
    value = "file" if value == "external" else value  # dbt-duckdb's word for it
    if value in allowed:
        return Materialized(value)
    hint = did_you_mean(value, allowed) or f"known: {', '.join(allowed)}"
    message = f"'{node.value}' is no way to materialize a model"
    problems.append(Problem("CFG002", message, node.at, hint))
    return None


def dependencies(node: Node | None, problems: list[Problem]) -> tuple[Dependency, ...]:
    found = [(text(item, problems), item) for item in (node.items() if node else ())]
    return tuple(Dependency(plain_reference(name), item.at) for name, item in found if name)


def mappings(node: Node | None, problems: list[Problem]) -> dict[str, Reads]:
    """`inputs:` as asset name -> which of its slices a slice reads."""
    if node is not None and not isinstance(node.value, dict):
        problems.append(wrong(node, f"a mapping of input names to {FORMS}"))
    found: dict[str, Reads] = {}
    for name, below in node.entries() if node else ():
        try:
            found[name] = replace(declared_reads(below.value), at=below.key_at)
        except ValueError as error:
            problems.append(replace(wrong(below, FORMS), hint=str(error)))
    return found


def string_mapping(node: Node | None, problems: list[Problem]) -> dict[str, str]:
    if node is not None and not isinstance(node.value, dict):
        problems.append(wrong(node, "a mapping"))
    return {key: text(below, problems) for key, below in (node.entries() if node else ())}


def plain_reference(written: str) -> str:
    """dbt's ref('x') and source('a', 'b') as the plain names they mean.

    >>> plain_reference("ref('orders')"), plain_reference("source('raw', \\"x\\")"), plain_reference("orders")
    ('orders', 'raw.x', 'orders')
    """
    name, parenthesis, rest = written.strip().partition("(")
    if not parenthesis or name.strip() not in ("ref", "source"):
        return written.strip()
    inside = rest.rpartition(")")[0].split(",")
    parts = [part.strip().strip("'\"") for part in inside if "=" not in part]
    return ".".join(parts) if name.strip() == "source" else parts[-1]


def location(found: Layered, default: Location) -> Location:
    """Where the first key that was set stands."""
    for nodes in found.nodes.values():
        return nodes[-1].key_at
    return default
