"""YAML property files -> what they say about models, sources, seeds, selectors, jobs and unit tests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import field
from typing import Any

from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, Severity, did_you_mean, nearest
from sqlpipes.read.cache import Cache, problems_as_json, problems_from_json
from sqlpipes.read.files import File
from sqlpipes.read.marked import Document, Node, node_of, read_documents, read_yaml

Parse = Callable[[str, str], dict[str, Any]]
SECTIONS = ("models", "sources", "seeds", "selectors", "unit_tests", "jobs", "components")
FOREIGN = (
    "snapshots",
    "macros",
    "exposures",
    "metrics",
    "groups",
    "semantic_models",
    "saved_queries",
    "analyses",
    "functions",
    "data_tests",
    "tests",
)
SILENT = ("version", "config-version", "anchors")  # the last only keeps what others point to


HINTS = {
    "snapshots": "a snapshot is a model: models/NAME.sql with `materialized: snapshot`, `unique_key` "
    "and `updated_at` (or `check_columns`) in its front matter"
}


@dataclass(slots=True)
class Properties:
    """The entries of all property files, in the order in which they were read."""

    models: list[Node] = field(default_factory=list)
    sources: list[Node] = field(default_factory=list)
    seeds: list[Node] = field(default_factory=list)
    selectors: list[Node] = field(default_factory=list)
    unit_tests: list[Node] = field(default_factory=list)
    jobs: list[Node] = field(default_factory=list)
    components: list[Node] = field(default_factory=list)  # of a list, or documents with a `type:`


def yaml_node(
    file: File, cache: Cache, problems: list[Problem], parse: Parse | None = None
) -> Node:
    """A whole YAML file as a node; value None when it is empty or broken."""
    return yaml_nodes(file, cache, problems, parse)[0]


def yaml_nodes(
    file: File, cache: Cache, problems: list[Problem], parse: Parse | None = None
) -> list[Node]:
    """The documents of a YAML file: one, or of a file of components several."""
    facts = cache.facts(file, "yaml", parse or yaml_facts)
    problems += problems_from_json(facts.get("problems", []))
    several = facts.get("documents", [[facts.get("value"), facts.get("marks", {})]])
    return [node_of(file.path, value, marks) for value, marks in several]


def yaml_facts(text: str, path: str) -> dict[str, Any]:
    if "\n---" in text:
        documents = read_documents(text, path)
        if len(documents) > 1 and any(map(_is_component, documents)):
            faults = [problem for each in documents for problem in each.problems]
            return {
                "documents": [[each.value, each.marks] for each in documents],
                **({"problems": problems_as_json(faults)} if faults else {}),
                **({"secret": True} if any(_holds_secret(d.value) for d in documents) else {}),
            }
    document = read_yaml(text, path)
    found: dict[str, Any] = {"value": document.value, "marks": document.marks}
    if document.problems:
        found["problems"] = problems_as_json(document.problems)
    of_components = _is_component(document) or "components:" in text
    return {**found, "secret": True} if of_components and _holds_secret(document.value) else found


def _holds_secret(value: Plain, key: str = "") -> bool:
    """Whether a secret stands in it letter for letter: it is refused, and kept nowhere."""
    if isinstance(value, dict):
        return any(_holds_secret(below, name) for name, below in value.items())
    if isinstance(value, list):
        return any(_holds_secret(below, key) for below in value)
    if not isinstance(value, str) or not value or "{{" in value:
        return False
    from sqlpipes.core.definitions.secret import has_password, named_secret

    return named_secret(key) or has_password(value)


def _is_component(document: Document) -> bool:
    return isinstance(document.value, dict) and "type" in document.value


def read_properties(files: Iterable[File], cache: Cache, problems: list[Problem]) -> Properties:
    """Collect the sections that are known here; name those that are not."""
    found = Properties()
    for node in (node for file in files for node in yaml_nodes(file, cache, problems)):
        if node.value is None:
            continue
        if isinstance(node.value, dict) and "type" in node.value:
            found.components.append(node)
            continue
        if not isinstance(node.value, dict):
            message = "a property file must hold sections such as models: or sources:"
            problems.append(Problem("CFG002", message, node.at))
            continue
        for section, below in node.entries():
            _add_section(section, below, found, problems)
    return found


def has_unit_tests(file: File, cache: Cache) -> bool:
    """Whether a YAML file has the section, or one that was meant for it."""
    node = yaml_node(file, cache, [])
    return bool(nearest("unit_tests", [key for key, _ in node.entries()]))


def _add_section(section: str, node: Node, found: Properties, problems: list[Problem]) -> None:
    if section in SILENT:
        return
    if section in FOREIGN:
        problems.append(
            Problem(
                "CFG004",
                f"the section '{section}' is not known here and is ignored",
                node.key_at,
                HINTS.get(section),
                Severity.WARNING,
            )
        )
    elif section not in SECTIONS:
        hint = did_you_mean(section, SECTIONS) or f"known sections: {', '.join(SECTIONS)}, anchors"
        message = f"a property file has no section '{section}'"
        problems.append(Problem("CFG001", message, node.key_at, hint))
    elif section == "components":
        found.components += _components(node, problems)
    elif node.value is not None:
        entries: list[Node] = getattr(found, section)
        entries += _entries(section, node, problems)


def _components(node: Node, problems: list[Problem]) -> list[Node]:
    """The entries of a list; whether they have a `type:` is asked where they are read."""
    if isinstance(node.value, list):
        return list(node.items())
    if node.value is not None:
        hint = "begin each entry with `- type:`"
        problems.append(Problem("CFG002", "'components' must be a list of entries", node.at, hint))
    return []


def _entries(section: str, node: Node, problems: list[Problem]) -> list[Node]:
    if not isinstance(node.value, list):
        message = f"'{section}' must be a list of entries, each with a name"
        problems.append(Problem("CFG002", message, node.at, "begin each entry with `- name:`"))
        return []
    return [entry for entry in node.items() if named(entry, problems)]


def entry_name(entry: Node) -> str:
    """The name of an entry that has one."""
    name = entry.get("name")
    return str(name.value) if name else ""


def named(entry: Node, problems: list[Problem]) -> bool:
    """Whether an entry is a mapping with a name; else CFG002."""
    name = entry.get("name")
    if name is not None and isinstance(name.value, (str, int, float)):
        return True
    problems.append(nameless(entry))
    return False


def nameless(entry: Node) -> Problem:
    """CFG002 for an entry without a name, at the key that may have been meant for it."""
    meant = nearest("name", [key for key, _ in entry.entries()])
    if meant and (below := entry.get(meant[0])):
        return Problem("CFG002", f"'{meant[0]}' stands where 'name' is wanted", below.key_at)
    return Problem("CFG002", "this entry needs a name", entry.at, "begin it with `- name:`")
