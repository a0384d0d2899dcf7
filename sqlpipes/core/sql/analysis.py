"""SQL text -> SqlFacts: one pass over the tokens, one parse, one walk.

What the parser cannot read is opaque, not wrong: the engine may well run it, so its inputs come
from a token scan and a warning says so. Only what no engine could run is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import sqlglot
from sqlglot import ErrorLevel, Token, TokenType, exp
from sqlglot.errors import ParseError, TokenError

from sqlpipes.core.errors import Location, Problem, Severity
from sqlpipes.core.garbage import sweep
from sqlpipes.core.sql.canonical import digest, digest_of
from sqlpipes.core.sql.documentation import column_docs
from sqlpipes.core.sql.embedded import Embedded, embedded_queries
from sqlpipes.core.sql.facts import Cte, SqlFacts
from sqlpipes.core.sql.names import read_files, split_files
from sqlpipes.core.sql.relation import Reference
from sqlpipes.core.sql.scanner import scan
from sqlpipes.core.sql.scopes import table_references, visible_cte
from sqlpipes.core.sql.text import Lines, lines_of, unfinished
from sqlpipes.core.sql.tokens import (
    CLOSING,
    OPENING,
    command_of,
    dialect_of,
    is_too_deep,
    raw,
    statements_of,
    tokens_of,
    volatile_calls,
)

_OPAQUE_HINT = (
    "it runs as written; its inputs were found by their position, its columns are unknown"
)
_PAIRS = {
    TokenType.R_PAREN: TokenType.L_PAREN,
    TokenType.R_BRACKET: TokenType.L_BRACKET,
    TokenType.R_BRACE: TokenType.L_BRACE,
}
_WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.DDL, exp.Drop, exp.Alter, exp.Set)


def analyse(text: str, dialect: str, *, at: Location) -> SqlFacts:
    """Everything that the text alone says. Never raises on any text, never prints.

    `at` is where the text begins in the user's file.

    >>> facts = analyse("select *\\nfrom s.orders o", "duckdb", at=Location("models/m.sql", 5))
    >>> facts.references[0].parts, facts.references[0].line, facts.references[0].column
    (('s', 'orders'), 6, 6)
    """
    sweep()
    lines = lines_of(text, at)
    try:
        tokens = tokens_of(text, dialect)
    except TokenError as error:
        problem = _broken_quote(text, dialect, lines, error)
        return SqlFacts(digest=digest(text, dialect), opaque=True, problems=(problem,))
    statements = statements_of(tokens)
    problem_found = _no_single_query(text, statements, lines)
    if problem_found is not None:
        return SqlFacts(digest=digest_of(text, tokens), problems=(problem_found,))
    return _query_facts(text, statements[0], dialect, lines, digest_of(text, tokens))


def _no_single_query(
    text: str, statements: Sequence[Sequence[Token]], lines: Lines
) -> Problem | None:
    if not statements:
        return Problem("SQL003", "there is no query", lines.at, "write one SELECT")
    if len(statements) > 1:
        at = _place(statements[1][0], lines)
        hint = "keep one SELECT; other statements belong under `before` and `after`"
        return Problem(
            "SQL002", f"{len(statements)} statements where one query is wanted", at, hint
        )
    command = command_of(statements[0])
    if command is None:
        return None
    return _not_a_query(raw(text, command).split()[0].upper(), _place(command, lines))


def _not_a_query(verb: str, at: Location) -> Problem:
    hint = "write the SELECT alone: sqlpipes creates the table"
    return Problem("SQL004", f"{verb} is not a query", at, hint)


def _query_facts(
    text: str, tokens: Sequence[Token], dialect: str, lines: Lines, digest_text: str
) -> SqlFacts:
    tree, problem = _parse(text, tokens, dialect, lines)
    read = table_references(tree, dialect, lines) if tree is not None else None
    ctes: list[Cte] = []
    if read is not None:
        references, ctes = read
    else:
        references = scan(tokens, dialect, lines)
    problems = [problem] if problem is not None else []
    for inner in embedded_queries(text, tokens, dialect, lines):
        more, fault, read_ctes = _embedded_facts(inner, tree, dialect, lines)
        references += more
        problems += [fault] if fault else []
        ctes = [cte for cte in ctes if cte.name not in read_ctes]
    references.sort(key=lambda r: r.start)
    tables, files = split_files(references, dialect)
    files += read_files(text, tokens, lines)
    return SqlFacts(
        references=tuple(tables),
        files=tuple(sorted(files, key=lambda f: f.start)),
        digest=digest_text,
        opaque=tree is None,
        docs=column_docs(text, tokens),
        volatile=volatile_calls(text, tokens),
        unused_ctes=tuple(sorted(ctes, key=lambda cte: cte.at)),
        problems=tuple(problems),
    )


def _parse(
    text: str, tokens: Sequence[Token], dialect: str, lines: Lines
) -> tuple[exp.Expr | None, Problem | None]:
    """The tree, or None and why there is none; a tree that is no query comes with an error."""
    deep = "the query is nested too deeply for the parser"
    if is_too_deep(text, tokens):
        return None, _opaque(deep, _place(tokens[0], lines))
    try:
        with _silence():
            parser = dialect_of(dialect).parser(error_level=ErrorLevel.IMMEDIATE)
            trees = parser.parse(list(tokens), text)
    except ParseError as error:
        return None, _syntax_problem(text, tokens, lines, error)
    except RecursionError:
        return None, _opaque(deep, _place(tokens[0], lines))
    except Exception as error:  # the parser's own faults must not stop a query the engine can run
        reason = f"the parser failed on this query ({type(error).__name__})"
        return None, _opaque(reason, _place(tokens[0], lines))
    tree = trees[0] if trees else None
    if tree is None or isinstance(tree, exp.Command):
        return None, _opaque("the parser does not know this statement", _place(tokens[0], lines))
    if isinstance(tree, _WRITES):
        return tree, _not_a_query(tree.key.upper(), _place(tokens[0], lines))
    return tree, None


@contextmanager
def _silence() -> Iterator[None]:
    """sqlglot logs what it cannot read to stderr; here that is a Problem instead."""
    before = sqlglot.logger.disabled
    sqlglot.logger.disabled = True
    try:
        yield
    finally:
        sqlglot.logger.disabled = before


def _opaque(message: str, at: Location) -> Problem:
    return Problem("SQL001", message, at, _OPAQUE_HINT, Severity.WARNING)


def _syntax_problem(text: str, tokens: Sequence[Token], lines: Lines, error: ParseError) -> Problem:
    bracket = _unbalanced(tokens)
    if bracket is not None:
        message = f"'{raw(text, bracket)}' has no counterpart"
        return Problem("SQL001", message, _place(bracket, lines), "close or remove the bracket")
    first = error.errors[0] if error.errors else {}
    place = first.get("line"), first.get("col")
    token = next((t for t in tokens if (t.line, t.col) == place), tokens[-1])
    message = f"the parser cannot read this query at '{raw(text, token)}'"
    return _opaque(message, _place(token, lines))


def _unbalanced(tokens: Sequence[Token]) -> Token | None:
    """The first bracket that closes nothing, or the last that is never closed."""
    opened: list[Token] = []
    for token in tokens:
        if token.token_type in OPENING:
            opened.append(token)
        elif token.token_type in CLOSING and (
            not opened or opened.pop().token_type is not _PAIRS[token.token_type]
        ):
            return token
    return opened[-1] if opened else None


def why_no_expression(text: str, dialect: str) -> str | None:
    """Told from the tokens: what the parser does not know is for the engine to judge, in brackets."""
    try:
        tokens = tokens_of(text, dialect)
    except TokenError:
        return "a quote or a comment never ends"
    if any(token.token_type is TokenType.SEMICOLON for token in tokens):
        return "there is a second statement behind a semicolon"
    bracket = _unbalanced(tokens)
    if bracket is not None:
        return f"'{raw(text, bracket)}' has no counterpart"
    return None if tokens else "there is no word in it"


def _broken_quote(text: str, dialect: str, lines: Lines, error: TokenError) -> Problem:
    start = unfinished(text, dialect)
    if start is None:
        return _opaque("the query cannot be split into words", lines.place(0))
    kind = "comment" if text.startswith("/*", start) else "quote"
    return Problem("SQL001", f"this {kind} never ends", lines.place(start))


def _place(token: Token, lines: Lines) -> Location:
    return lines.place(token.start, token.end + 1 - token.start)


def _embedded_facts(
    inner: Embedded, tree: exp.Expr | None, dialect: str, lines: Lines
) -> tuple[list[Reference], Problem | None, set[str]]:
    """The tables named inside `query('...')` and `query_table('...')`, and the CTEs named there."""
    if inner.unreadable:
        message = f"the tables that {inner.function}(...) reads cannot be seen"
        hint = "name them under `depends_on`"
        return [], Problem("SQL005", message, inner.at, hint, Severity.WARNING), set()
    found = list(inner.names)
    for start, text in inner.queries:
        found += _inner_references(text, start, dialect, lines)
    call = _call_at(tree, inner.start) if tree is not None else None
    ctes = [_cte_of(r, call, dialect) for r in found]
    tables = [r for r, cte in zip(found, ctes, strict=True) if cte is None]
    return tables, None, {cte for cte in ctes if cte is not None}


def _inner_references(text: str, start: int, dialect: str, lines: Lines) -> list[Reference]:
    """The tables of a query that stands as text at offset `start`."""
    try:
        tokens = tokens_of(text, dialect)
    except TokenError:
        return []
    parsed, _ = _parse(text, tokens, dialect, lines) if tokens else (None, None)
    own = lines_of(text, Location(""))
    read = table_references(parsed, dialect, own) if parsed is not None else None
    references = read[0] if read is not None else scan(tokens, dialect, own)
    return [_moved(r, start, lines) for r in references]


def _moved(r: Reference, start: int, lines: Lines) -> Reference:
    at = lines.place(r.start + start)
    return replace(r, start=r.start + start, end=r.end + start, line=at.line, column=at.column)


def _call_at(tree: exp.Expr, start: int) -> exp.Expr | None:
    return next((c for c in tree.find_all(exp.Anonymous) if c.meta.get("start") == start), None)


def _cte_of(r: Reference, call: exp.Expr | None, dialect: str) -> str | None:
    """The CTE around `call` that the name means, if any."""
    if call is None or len(r.parts) > 1:
        return None
    cte = visible_cte(call, exp.to_identifier(r.parts[0], quoted=r.quoted[0]), dialect)
    return cte.alias if cte is not None else None
