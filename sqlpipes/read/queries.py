"""A .sql file -> its front matter, its query and the query's facts, from the cache when nothing changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field, replace
from typing import TYPE_CHECKING, Any

from sqlpipes.core.asset import SqlBody, Template
from sqlpipes.core.config import Plain
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem
from sqlpipes.core.hiding import hidden_in_environ
from sqlpipes.core.partitions import Partitioning
from sqlpipes.core.sql import Spot, SqlFacts, spotted
from sqlpipes.read.cache import Cache, Facts, problems_as_json, problems_from_json
from sqlpipes.read.files import File, content_hash
from sqlpipes.read.front_matter import SqlFile, split_front_matter
from sqlpipes.read.marked import Node, node_of, read_yaml
from sqlpipes.read.templates import Templates, template_facts

if TYPE_CHECKING:
    from sqlpipes.read.jinja import JinjaTemplate


@dataclass(frozen=True, slots=True)
class Made:
    """What a query that is no file of its own, but said in Python or YAML, has beside its text."""

    name: str
    key: File  # stands for it in the cache
    spot: Spot
    names: Mapping[str, Plain] = field(default_factory=dict)  # that its braces may use
    partition: Partitioning | None = None
    over: tuple[Node, ...] = ()  # keys that are stronger than its own, weak to strong
    secret: bool = False  # nothing of it may be kept


@dataclass(frozen=True, slots=True)
class Query:
    """`text` begins at `line` and `column` of the file. `known` is what the cache holds about it."""

    file: File
    text: str
    line: int
    column: int
    front: Node | None
    known: Facts
    cache: Cache
    templates: Templates
    made: Made | None = None
    dialect: str = ""  # where it is not that of all templates

    def in_dialect(self, dialect: str) -> Query:
        """The same query as a text of another dialect; of the same where none is given."""
        if not dialect:
            return self
        return replace(self, dialect=dialect, templates=self.templates.in_dialect(dialect))

    @property
    def key(self) -> File:
        """What the cache knows it by."""
        return self.made.key if self.made else self.file

    @property
    def is_template(self) -> bool:
        return self.known.get("sql") is None

    def body(self, facts: SqlFacts, template: Template | None) -> SqlBody:
        """What the asset or check runs."""
        spot = self.made.spot if self.made else None
        return SqlBody(
            self.text,
            facts.references,
            self.line,
            template,
            facts.files,
            facts.opaque,
            spot,
            dialect=self.dialect,
        )

    def template(self) -> JinjaTemplate:
        """Its text as one, whatever is in it."""
        if self.made is None:
            return self.templates.template(self.text, self.file.path, self.line)
        names, spot = self.made.names, self.made.spot
        return self.templates.template(self.text, self.file.path, self.line, names, spot)


def read_query(
    file: File, cache: Cache, templates: Templates, problems: list[Problem]
) -> Query | None:
    """None when the file cannot be read at all; other faults still leave a query."""
    dialect = templates.dialect

    def parse(text: str, path: str) -> Facts:
        return parsed(text, path, dialect)

    known = cache.facts(file, "sql", parse)
    if "problems" in known:
        problems += problems_from_json(known["problems"])
    if "text" not in known:
        return None
    front = node_of(file.path, known["front"], known["marks"]) if "front" in known else None
    line, column = known["at"]
    return Query(file, known["text"], line, column, front, known, cache, templates)


def made_query(
    text: str,
    path: str,
    made: Made,
    front: Node | None,
    cache: Cache,
    templates: Templates,
) -> Query:
    """A query whose text stands in a value of `path`, at a spot of it."""
    spot = made.spot
    place = [spot.line, spot.column, spot.indent, spot.exact]
    digest = content_hash(repr([text, path, place, sorted(made.names.items())]).encode())

    def parse() -> Facts:
        if made.names or is_template(text):
            return {"secret": made.secret}
        facts = _analyse(text, templates.dialect, Location(path))
        return {"sql": spotted(facts, spot).to_json(), "secret": made.secret}

    known = cache.told(made.key, "sql", digest, parse)
    file = replace(made.key, path=path)
    return Query(file, text, spot.line, spot.column, front, known, cache, templates, made)


def parsed(text: str, path: str, dialect: str) -> Facts:
    """The facts of a file as they are kept."""
    split = split_front_matter(text, path)
    found = front_facts(split, path)
    if split.yaml is None and split.problems:
        found["sql"] = SqlFacts(opaque=True).to_json()  # where the query begins is not known
    elif not is_template(split.body):
        at = Location(path, split.body_line, split.body_column)
        found["sql"] = _analyse(split.body, dialect, at).to_json()
    return found


def front_facts(split: SqlFile, path: str) -> Facts:
    """The query's text and place, what stands in its front matter, and what is wrong with that."""
    found: Facts = {"text": split.body, "at": [split.body_line, split.body_column]}
    problems = list(split.problems)
    if split.yaml is not None:
        document = read_yaml(split.yaml, path, split.yaml_line)
        found |= {"front": document.value, "marks": document.marks}
        problems += document.problems
    if problems:
        found["problems"] = problems_as_json(problems)
    return found


def is_template(text: str) -> bool:
    """Whether a text has anything for Jinja to do.

    >>> is_template("select {{ x }}"), is_template("select {'a': 1}")
    (True, False)
    """
    return "{{" in text or "{%" in text or "{#" in text


def _analyse(text: str, dialect: str, at: Location) -> SqlFacts:
    from sqlpipes.core.sql import analyse

    return analyse(text, dialect, at=at)


def query_facts(
    query: Query, this: str, problems: list[Problem], *, partitioned: bool = True
) -> tuple[SqlFacts, Template | None]:
    """Facts, and the template when the query is one. `this` is the relation it may name.

    PAR004 when a template asks for the window of a slice where there are none.
    """
    if not query.is_template:
        facts = SqlFacts.from_json(_sql_of(query), query.file.path)
        problems += facts.problems
        return facts, None
    templates = query.templates
    template = query.template()
    held: Any = query.known.get("rendered")
    if held is None or not templates.still_holds(held, this):
        held = template_facts(template, templates, this)
        query.cache.parsed += 1
        if held.get("keep") and not query.known.get("secret") and not _shows(held, templates):
            newest = query.cache.newest(query.key, "sql")
            query.cache.replace(query.key, "sql", {**newest, "rendered": held})
    problems += problems_from_json(held["problems"])
    if held["partition_at"] and not partitioned:
        problems.append(_no_partition(Location(query.file.path, *held["partition_at"])))
    return SqlFacts.from_json(held["sql"], query.file.path), template


def _shows(held: Mapping[str, Any], templates: Templates) -> bool:
    """Whether a secret of the environment stands in the facts, such as in the path of a file."""
    environ = templates.environ
    asked = {name: environ[name] for name in held["environ"] if environ.get(name)}
    found = [text for text in hidden_in_environ(asked, asked) if text]
    if not found:
        return False
    shown = json.dumps(held)
    return any(json.dumps(text)[1:-1] in shown for text in found)


def _sql_of(query: Query) -> Any:
    """What is known of the text; in another dialect than the project's it is kept beside."""
    if not query.dialect:
        return query.known["sql"]
    key = f"sql in {query.dialect}"
    if key not in query.known:
        at = Location(query.file.path, query.line, query.column)
        facts = _analyse(query.text, query.dialect, at)
        told = spotted(facts, query.made.spot) if query.made else facts
        query.cache.parsed += 1
        query.known[key] = told.to_json()
        if not query.known.get("secret"):
            newest = query.cache.newest(query.key, "sql")
            query.cache.replace(query.key, "sql", {**newest, key: query.known[key]})
    return query.known[key]


def values_bodies(
    query: Query, asked: Mapping[str, Node], problems: list[Problem]
) -> dict[str, SqlBody]:
    """column -> the query for the values of its partition, with what it reads. PAR005: unreadable.

    The facts are kept beside those of the file's own query.
    """
    found: dict[str, SqlBody] = {}
    held = dict(query.known.get("values", {}))
    for column, node in asked.items():
        text = str(node.value)
        if text not in held:
            at = Location(query.file.path, node.at.line, node.at.column)
            held[text] = _analyse(text, query.templates.dialect, at).to_json()
            query.cache.parsed += 1
            if not query.known.get("secret"):
                newest = query.cache.newest(query.key, "sql")
                query.cache.replace(query.key, "sql", {**newest, "values": held})
        facts = SqlFacts.from_json(held[text], query.file.path)
        if facts.opaque or facts.problems:
            said = facts.problems[0].message if facts.problems else "it cannot be read"
            problems.append(Problem("PAR005", f"the query for '{column}': {said}", node.at))
        found[column] = SqlBody(
            text, facts.references, node.at.line, files=facts.files, dialect=query.dialect
        )
    return found


def _no_partition(at: Location) -> Problem:
    hint = "give it one: `partition: {by: day, column: order_date, start: 2024-01-01}`"
    return Problem("PAR004", "this asset has no partition, so no window to build", at, hint)
