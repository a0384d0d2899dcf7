"""A parsed query -> the tables that it reads, by the rules of scope. sqlglot's trees stay behind this door.

A name is a CTE when an enclosing WITH defines it *before* the place where it stands; in a recursive
WITH also inside the recursive term, which is the right side of the body's last UNION. So
`with orders as (select * from orders) select * from orders` reads the table once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlglot import exp

from sqlpipes.core.sql.facts import Cte
from sqlpipes.core.sql.names import reference
from sqlpipes.core.sql.relation import Reference, fold
from sqlpipes.core.sql.text import Lines

# Dialects where a CTE needs no RECURSIVE to read itself, and where it sees the later ones too.
_ALWAYS_RECURSIVE = frozenset({"tsql", "fabric", "oracle", "teradata", "sqlite"})
_SEES_LATER = frozenset({"postgres", "sqlite"})
# Dialects where `from orders o, o.items` unnests a column.
_CORRELATED = frozenset({"bigquery", "redshift", "spanner"})
_SHOWN = frozenset({"tables", "databases", "schemas", "variables"})


def table_references(
    tree: exp.Expr, dialect: str, lines: Lines
) -> tuple[list[Reference], list[Cte]] | None:
    """The tables in text order, and the CTEs that nothing reads; None when a name has no span."""
    found: list[Reference] = []
    used: set[int] = set()
    ctes: list[exp.CTE] = []
    for table in tree.find_all(exp.Table, exp.CTE, bfs=False):
        if isinstance(table, exp.CTE):
            ctes.append(table)
        if not isinstance(table, exp.Table):
            continue
        parts = _identifiers(table)
        if not parts or _is_show(table, parts):
            continue  # a call, a parameter, or a statement that reads no table
        if len(parts) == 1 and (cte := visible_cte(table, parts[0], dialect)) is not None:
            if not _is_inside(table, cte):
                used.add(id(cte))
            continue
        if "start" not in parts[0].meta or "end" not in parts[-1].meta:
            return None
        if len(parts) == 2 and dialect in _CORRELATED and _is_correlated(table, parts[0], dialect):
            continue
        named = [(part.name, bool(part.args.get("quoted"))) for part in parts]
        span = parts[0].meta["start"], parts[-1].meta["end"] + 1
        found.append(reference(named, span, lines, table.alias))
    found.sort(key=lambda r: r.start)
    return found, list(_unused(ctes, used, lines))


def _is_show(table: exp.Table, parts: Sequence[exp.Identifier]) -> bool:
    """DuckDB's `(show tables)`, which looks like a table `show` under the alias `tables`."""
    inside = isinstance(table.parent, exp.Subquery)
    plain = len(parts) == 1 and not parts[0].args.get("quoted")
    return inside and plain and parts[0].name.lower() == "show" and table.alias.lower() in _SHOWN


def _identifiers(table: exp.Table) -> list[exp.Identifier]:
    """The parts of the table's name; [] when it is no name."""
    parts: list[exp.Identifier] = []
    for key in ("catalog", "db", "this"):
        part = table.args.get(key)
        nodes = list(part.flatten()) if isinstance(part, exp.Dot) else [part]
        for node in nodes:
            if isinstance(node, exp.Identifier):
                parts.append(node)
            elif node:
                return []
    return parts


def visible_cte(node: exp.Expr, name: exp.Identifier, dialect: str) -> exp.CTE | None:
    """The CTE that the unqualified `name` means where `node` stands."""
    wanted = _folded(name, dialect)
    child: exp.Expr = node
    parent = node.parent
    while parent is not None:
        if isinstance(parent, exp.With):
            candidates = _visible_inside(parent, child, node, dialect)
            owner = parent.parent
            child, parent = (owner, owner.parent) if owner is not None else (parent, None)
        else:
            with_ = parent.args.get("with_")
            candidates = list(with_.expressions) if with_ is not None else []
            child, parent = parent, parent.parent
        for cte in reversed(candidates):
            if isinstance(cte, exp.CTE) and _folded(cte.args["alias"].this, dialect) == wanted:
                return cte
    return None


def _folded(name: exp.Identifier, dialect: str) -> str:
    return fold(name.name, bool(name.args.get("quoted")), dialect)


def _visible_inside(
    with_: exp.With, inside: exp.Expr, node: exp.Expr, dialect: str
) -> list[exp.Expr]:
    """The CTEs of `with_` that `node`, somewhere in its CTE `inside`, can name."""
    every = list(with_.expressions)
    index = next(i for i, cte in enumerate(every) if cte is inside)
    recursive = bool(with_.args.get("recursive"))
    later = dialect == "sqlite" or (recursive and dialect in _SEES_LATER)
    itself = dialect in _ALWAYS_RECURSIVE or (recursive and _in_recursive_term(inside, node))
    return every[:index] + every[index + 1 :] * later + every[index : index + 1] * itself


def _in_recursive_term(cte: exp.Expr, node: exp.Expr) -> bool:
    body = cte.this
    while isinstance(body, exp.Subquery) and not body.args.get("with_"):
        body = body.this
    if not isinstance(body, exp.Union) or body.args.get("by_name"):
        return False
    term = body.args["expression"]
    step: exp.Expr | None = node
    while step is not None and step is not body:
        if step is term:
            return True
        step = step.parent
    return False


def _is_inside(node: exp.Expr, cte: exp.CTE) -> bool:
    step: exp.Expr | None = node
    while step is not None and step is not cte:
        step = step.parent
    return step is cte


def _is_correlated(table: exp.Table, first: exp.Identifier, dialect: str) -> bool:
    """Whether the first part names an earlier table of the same FROM."""
    select = table.find_ancestor(exp.Select)
    if select is None:
        return False
    start = first.meta["start"]
    wanted = _folded(first, dialect)
    return any(
        fold(other.alias_or_name, False, dialect) == wanted
        and other is not table
        and isinstance(other.this, exp.Identifier)
        and other.this.meta.get("start", start) < start
        for other in _sources(select)
    )


def _sources(select: exp.Select) -> Iterator[exp.Table]:
    from_ = select.args.get("from_")
    sources = [from_.this] if from_ is not None else []
    sources += [join.this for join in select.args.get("joins") or ()]
    for source in sources:
        if isinstance(source, exp.Table):
            yield source
            yield from (
                j.this for j in source.args.get("joins") or () if isinstance(j.this, exp.Table)
            )


def _unused(ctes: Iterable[exp.CTE], used: set[int], lines: Lines) -> Iterator[Cte]:
    for cte in ctes:
        name = cte.args["alias"].this if cte.args.get("alias") else None
        if id(cte) not in used and name is not None and "start" in name.meta:
            start = name.meta["start"]
            yield Cte(name.name, lines.place(start, name.meta["end"] + 1 - start))
