"""Queries with Jinja -> facts about every text they may become; jinja2 is loaded when one must be rendered.

A template is rendered as for a first build and as for later slices; what either reads counts as read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from sqlpipes.core.asset import Scope
from sqlpipes.core.config import NOTHING, Plain, Target
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, ProjectError
from sqlpipes.core.sql import FileReference, Reference, Spot, SqlFacts
from sqlpipes.read.cache import Cache, problems_as_json, problems_from_json
from sqlpipes.read.files import File

if TYPE_CHECKING:
    from sqlpipes.read.jinja import JinjaTemplate, Macros


@dataclass(slots=True)
class Templates:
    """What all templates of one reading share."""

    dialect: str
    vars: Mapping[str, Plain]
    environ: Mapping[str, str]
    target: Target
    macro_files: tuple[tuple[str, str], ...] = ()  # path in the project, text
    _macros: Macros | None = field(default=None, repr=False)
    _digest: str = field(default="", repr=False)
    spoken: str = ""  # the dialect, where it is not the project's

    def template(
        self,
        text: str,
        file: str,
        first_line: int,
        own: Mapping[str, Plain] = NOTHING,
        spot: Spot | None = None,
    ) -> JinjaTemplate:
        from sqlpipes.read.jinja import load_macros, make_template

        if self._macros is None:
            self._macros = load_macros(self.macro_files)
        return make_template(
            text,
            file=file,
            first_line=first_line,
            dialect=self.dialect,
            vars=self.vars,
            environ=self.environ,
            macros=self._macros,
            target=self.target,
            own=own,
            spot=spot,
        )

    def in_dialect(self, dialect: str) -> Templates:
        """Those of texts in another dialect."""
        macros, files = self._macros, self.macro_files
        return Templates(
            dialect, self.vars, self.environ, self.target, files, macros, spoken=dialect
        )

    def digest(self) -> str:
        """Moves with anything but the environment that can change what a template becomes."""
        if not self._digest:
            target = self.target
            names = [target.name, target.engine, target.schema, target.threads]
            said = [dict(self.vars), self.macro_files, names, *filter(None, [self.spoken])]
            self._digest = _hash(json.dumps(said, sort_keys=True, default=str))
        return self._digest

    def still_holds(self, held: Mapping[str, Any], this: str) -> bool:
        """Whether facts from the cache were made under the same conditions."""
        if held["inputs"] != self.digest() or held["this"] != this:
            return False
        return all(self.environ_hash(name) == seen for name, seen in held["environ"].items())

    def environ_hash(self, name: str) -> str | None:
        """A hash, so that no secret is written into the cache."""
        return _hash(self.environ[name]) if name in self.environ else None


def template_facts(template: JinjaTemplate, shared: Templates, this: str) -> dict[str, Any]:
    """{"sql": SqlFacts, "problems": [...], and the conditions under which they hold}, as JSON.

    "keep" is false when the template cannot be rendered: that is tried again every time.
    """
    found: list[SqlFacts] = []
    problems: list[Problem] = []
    later = Scope(this, incremental=True, start="2024-01-01", end="2024-01-02", key="2024-01-01")
    try:
        for scope in (Scope(this), later):
            found.append(template.facts(scope))
    except ProjectError as fault:
        problems += fault.problems
    problems += [problem for facts in found for problem in facts.problems]
    used = sorted(template.used_environ)
    at = template.partition_at if found else None
    return {
        "sql": union(found).to_json(),
        "problems": problems_as_json(list(dict.fromkeys(problems))),
        "inputs": shared.digest(),
        "this": this,
        "environ": {name: shared.environ_hash(name) for name in used},
        "keep": len(found) == 2,
        "partition_at": [at.line, at.column, at.length] if at else None,
    }


def union(found: Iterable[SqlFacts]) -> SqlFacts:
    """What any of several renderings of one template says. The digest covers them all, in order."""
    all_facts = list(found)
    if not all_facts:
        return SqlFacts(opaque=True)
    references: dict[object, Reference] = {}
    files: dict[str, FileReference] = {}
    for facts in all_facts:
        for reference in facts.references:
            references.setdefault((reference.parts, reference.quoted), reference)
        for file in facts.files:
            files.setdefault(file.pattern, file)
    return SqlFacts(
        references=tuple(references.values()),
        files=tuple(files.values()),
        digest=_hash("".join(facts.digest for facts in all_facts)),
        opaque=any(facts.opaque for facts in all_facts),
        docs=all_facts[-1].docs,
        volatile=tuple(dict.fromkeys(name for facts in all_facts for name in facts.volatile)),
    )


def _hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=16).hexdigest()


def macro_texts(
    files: Iterable[File], cache: Cache, problems: list[Problem]
) -> tuple[tuple[str, str], ...]:
    """The .sql files of the macro folders as (path, text)."""
    found: list[tuple[str, str]] = []
    for file in files:
        if file.suffix != "sql":
            continue
        facts = cache.facts(file, "macro", lambda text, path: {"text": text})
        problems += problems_from_json(facts.get("problems", []))
        if "text" in facts:
            found.append((file.path, facts["text"]))
    return tuple(found)
