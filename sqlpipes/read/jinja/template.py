"""SQL with Jinja: Scope -> SQL, its table references and its facts, all placed in the user's own file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from sqlpipes.core.asset import Rendered, Scope
from sqlpipes.core.config import NOTHING, Plain, Target
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, ProjectError, did_you_mean
from sqlpipes.core.sql import FileReference, Reference, Spot, SqlFacts
from sqlpipes.read.jinja.macros import Macros
from sqlpipes.read.jinja.names import RESERVED, Values, namespace
from sqlpipes.read.jinja.source import Source, source_of

if TYPE_CHECKING:
    from sqlpipes.read.jinja.positions import Compiled
    from sqlpipes.read.jinja.rendering import Trace

Found = TypeVar("Found", Reference, FileReference)


@dataclass(frozen=True)
class JinjaTemplate:
    """A template of the user's. It is compiled when it is first rendered; any thread may render it."""

    source: Source
    values: Values
    macros: Macros
    instead: Mapping[str, Plain] = field(default_factory=dict)  # macros that are constants here

    def render(self, scope: Scope) -> Rendered:
        """The SQL, with offsets of this SQL and lines of the user's file in its references.

        Raises ProjectError with the place of what is wrong in the template or in a macro it calls.
        """
        trace = self.trace(scope)
        facts = self._facts(trace)
        return Rendered(trace.text, facts.references, facts.files, trace)

    def facts(self, scope: Scope) -> SqlFacts:
        """What the rendered SQL says; every line and column is that of the user's file."""
        return self._facts(self.trace(scope))

    def trace(self, scope: Scope) -> Trace:
        """The rendered text, which knows where each character of it was written."""
        from sqlpipes.read.jinja.rendering import render

        library = self.macros.library
        if library.problems:
            raise ProjectError(*library.problems)
        return render(self._compiled, library, namespace(scope, self.values), self.instead)

    def overridden(
        self,
        vars: Mapping[str, Plain],
        macros: Mapping[str, Plain],
        environ: Mapping[str, Plain],
    ) -> JinjaTemplate:
        """The same template with other values for some names; a macro becomes a constant.

        Raises ProjectError UTS011 for a macro that is none.
        """
        library = self.macros.library
        for name in macros:
            if name not in library.homes and name not in RESERVED:
                hint = did_you_mean(name, (*library.homes, *RESERVED))
                raise ProjectError(Problem("UTS011", f"there is no macro '{name}'", hint=hint))
        values = replace(
            self.values,
            vars={**self.values.vars, **vars},
            environ={**self.values.environ, **{k: str(v) for k, v in environ.items()}},
        )
        return replace(self, values=values, instead=dict(macros))

    @property
    def used_environ(self) -> frozenset[str]:
        """Names that env_var() was asked for in the renderings so far."""
        return frozenset(self.values.seen_environ)

    @property
    def uses_partition(self) -> bool:
        """Whether it, or a macro that it reaches, mentions `partition`: rows are pruned by hand."""
        involved = [self._compiled, *self.macros.library.needed(self._compiled)]
        return any("partition" in compiled.mentions.names for compiled in involved)

    @property
    def partition_at(self) -> Location | None:
        """Where its own text first asks for the partition's window; None when it does not."""
        mentions = self._compiled.mentions
        if "partition" in mentions.own or "partition" not in mentions.names:
            return None
        return self.source.at(mentions.names["partition"][0], len("partition"))

    @cached_property
    def _compiled(self) -> Compiled:
        from sqlpipes.read.jinja.positions import compile_source

        return compile_source(self.macros.library.environment, self.source)

    def _facts(self, trace: Trace) -> SqlFacts:
        from sqlpipes.core.sql import analyse

        facts = analyse(trace.text, self.values.dialect, at=Location(self.source.file))
        return placed(facts, trace)


def make_template(
    text: str,
    *,
    file: str,
    first_line: int,
    dialect: str,
    vars: Mapping[str, Plain],
    environ: Mapping[str, str],
    macros: Macros,
    target: Target,
    own: Mapping[str, Plain] = NOTHING,
    spot: Spot | None = None,
) -> JinjaTemplate:
    """A template from text that begins at line `first_line` of `file`. Nothing is compiled yet.

    `own`: names that this one text may use; `spot`: where it begins, when it is no file of its own.
    """
    values = Values(dialect, target, vars, environ, own)
    return JinjaTemplate(source_of(file, text, first_line, spot), values, macros)


def placed(facts: SqlFacts, trace: Trace) -> SqlFacts:
    """Facts of a rendered text with the lines and columns of the user's file."""
    return replace(
        facts,
        references=tuple(_moved(found, trace) for found in facts.references),
        files=tuple(_moved(found, trace) for found in facts.files),
        unused_ctes=tuple(replace(c, at=_mapped(c.at, trace)) for c in facts.unused_ctes),
        problems=tuple(_moved_problem(problem, trace) for problem in facts.problems),
    )


def _moved(found: Found, trace: Trace) -> Found:
    at = trace.locate(found.start)
    return replace(found, line=at.line, column=at.column)


def _moved_problem(problem: Problem, trace: Trace) -> Problem:
    at = _mapped(problem.at, trace) if problem.at else None
    return replace(problem, at=at, others=tuple(_mapped(other, trace) for other in problem.others))


def _mapped(at: Location, trace: Trace) -> Location:
    return trace.place(at.line, at.column, at.length)
