"""Term + universe -> what it names, before any graph operator. The table of all methods is at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from types import MappingProxyType

from sqlpipes.core.asset import Asset, Check, Kind
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Problem, did_you_mean
from sqlpipes.core.status import Status

from . import labels
from .grammar import UNBOUNDED, Term
from .patterns import fits, is_glob, path_fits
from .universe import Matched, Universe

MODIFIED_PARTS = ("body", "configs", "relation", "persisted_descriptions", "macros", "contract")
STATES = ("new", "old", "modified", "unmodified", *(f"modified.{p}" for p in MODIFIED_PARTS))
RESULTS = (*(str(status) for status in Status), "pass")
NO_STATE = "there is nothing to compare with: give the other state with `--state`"
ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {
        "access": "assets have no access levels; `group:` and `owner:` are known",
        "function": "SQL functions are no assets",
        "metric": "metrics are no assets",
        "saved_query": "saved queries are no assets",
        "semantic_model": "semantic models are no assets",
        "version": "assets have no versions; name the file, such as orders_v2",
    }
)


@dataclass(frozen=True, slots=True)
class Method:
    """How a term is answered: a label of the asset or check fits the value, or `match` says so.

    factual: it asks for the state of the world, where "none" is an answer and no typing error.
    needs: the fact it looks at; when that is None, `missing` says what to do.
    vocabulary: all the values that mean anything.
    """

    of_asset: Callable[[Universe, Asset, str], labels.Labels] | None = None
    of_check: Callable[[Universe, Check, str], labels.Labels] | None = None
    match: Callable[[Universe, Term], Matched | Problem] | None = None
    fits: Callable[[str, str], bool] = fits  # label, value
    takes_argument: bool = False
    factual: bool = False
    needs: Callable[[Universe], object] | None = None
    missing: str | None = None
    vocabulary: tuple[str, ...] = ()


def answer(universe: Universe, term: Term) -> Matched | Problem:
    """What `term` names, perhaps nothing; or why it cannot be asked."""
    method = METHODS.get(term.method)
    if method is None or bool(term.argument) != method.takes_argument:
        return _unknown(term)
    if method.needs is not None and method.needs(universe) is None:
        message = f"'{term.text}' cannot be answered here"
        return Problem("SEL005", message, term.at, method.missing)
    match = method.match or _by_label
    found = match(universe, term)
    if isinstance(found, Matched) and not found and method.vocabulary:
        return _out_of_vocabulary(term, method.vocabulary) or found
    return found


def fault_of(term: Term) -> Problem | None:
    """What is wrong with the term whatever the graph: its method."""
    method = METHODS.get(term.method)
    wrong = method is None or bool(term.argument) != method.takes_argument
    return _unknown(term) if wrong else None


def _unknown(term: Term) -> Problem:
    """SEL002, or SEL003 when only the dotted part is missing or too much."""
    method = METHODS.get(term.method)
    if method is not None and method.takes_argument:
        hint = f"such as '{term.method}.materialized:table'"
        return Problem("SEL003", f"'{term.text}': '{term.method}:' needs a key", term.at, hint)
    if method is not None:
        message = f"'{term.text}': '{term.method}:' takes no '.{term.argument}'"
        return Problem("SEL003", message, term.at, f"write '{term.method}:{term.value}'")
    if term.method in ELSEWHERE:
        message = f"'{term.text}': the method '{term.method}:' is not known here"
        return Problem("SEL002", message, term.at, ELSEWHERE[term.method])
    hint = did_you_mean(term.method, METHODS) or "known: " + ", ".join(sorted(METHODS))
    return Problem("SEL002", f"'{term.text}': there is no method '{term.method}:'", term.at, hint)


def _out_of_vocabulary(term: Term, vocabulary: tuple[str, ...]) -> Problem | None:
    if term.value in vocabulary:
        return None
    hint = did_you_mean(term.value, vocabulary) or "known: " + ", ".join(vocabulary)
    message = f"'{term.text}': '{term.value}' is nothing that '{term.method}:' knows"
    return Problem("SEL001", message, term.at, hint)


def _by_label(universe: Universe, term: Term) -> Matched:
    method = METHODS[term.method]
    assets: list[str] = []
    checks: list[str] = []
    if method.of_asset is not None:
        for asset in universe.assets:
            found = method.of_asset(universe, asset, term.argument)
            if any(method.fits(label, term.value) for label in found):
                assets.append(asset.name)
    if method.of_check is not None:
        for check in universe.checks:
            found = method.of_check(universe, check, term.argument)
            if any(method.fits(label, term.value) for label in found):
                checks.append(check.name)
    return Matched(frozenset(assets), frozenset(checks))


def _match_fqn(universe: Universe, term: Term) -> Matched:
    """A glob without a dot is about assets: their checks come along as the indirect mode says."""
    value = term.value
    if not is_glob(value):
        return _match_plain_fqn(universe, value)
    assets = (a.name for a in universe.assets if _fqn_fits(a, value))
    checks = (
        c.name
        for c in universe.checks
        if value == "*" or (("." in value or "." not in c.name) and fnmatchcase(c.name, value))
    )
    return Matched(frozenset(assets), frozenset(checks))


def _match_plain_fqn(universe: Universe, value: str) -> Matched:
    """`_by_label` without spelling out every label: this is what nearly every selector is."""
    below = value + "."
    assets = (
        a.name
        for a in universe.assets
        if a.name == value or (a.kind is not Kind.SOURCE and _path_begins(a.fqn, value, below))
    )
    checks = (
        c.name
        for c in universe.checks
        if c.name == value or ("." in value and c.name.startswith(below))
    )
    return Matched(frozenset(assets), frozenset(checks))


def _path_begins(fqn: tuple[str, ...], value: str, below: str) -> bool:
    """The leaf is `value`, or the dotted path begins with it, with the project's name or without."""
    if not fqn or fqn[-1] == value:
        return bool(fqn)
    rest = ".".join(fqn[1:])
    return f"{rest}.".startswith(below) or f"{fqn[0]}.{rest}.".startswith(below)


def _fqn_fits(asset: Asset, value: str) -> bool:
    """The name fits, or the dotted path from the first glob on, what stands before it being equal."""
    full = asset.fqn or (asset.name,)
    if fits(asset.name, value):
        return True
    if asset.kind is Kind.SOURCE:
        return False
    wanted = value.split(".")
    first = next(i for i, part in enumerate(wanted) if is_glob(part))
    # a lone glob is no question about the project's name, else 's*' were all of project 'shop'
    for path in (full[1:], full) if len(wanted) > 1 else (full[1:],):
        flat = [part for segment in path for part in segment.split(".")]
        sound = len(flat) >= len(wanted) and flat[:first] == wanted[:first]
        if sound and fnmatchcase(".".join(flat[first:]), ".".join(wanted[first:])):
            return True
    return fnmatchcase(full[-1], value)


def _config_fits(label: str, value: str) -> bool:
    return label == value.casefold() if label in ("true", "false") else fits(label, value)


def _owner_fits(label: str, value: str) -> bool:
    return fits(label.casefold(), value.casefold())


def _match_column(universe: Universe, term: Term) -> Matched | Problem:
    """`column:orders.amount` is orders; with a trailing + also every asset that reads the column."""
    name, dot, column = term.value.rpartition(".")
    if not dot or term.parents or term.around or term.children > 0:
        message = f"'{term.text}': 'column:' takes asset.column and at most a trailing '+'"
        return Problem("SEL003", message, term.at, "such as 'column:orders.amount+'")
    if name not in universe.parents:
        hint = did_you_mean(name, universe.parents)
        return Problem("SEL001", f"'{term.text}': there is no asset '{name}'", term.at, hint)
    known = universe.facts.columns(name) if universe.facts.columns else None
    spelt = _spelling(column, known)
    if spelt is None:
        message = f"'{term.text}': '{name}' has no column '{column}'"
        hint = did_you_mean(column, known or ()) or f"it has {', '.join(known or ('none',))}"
        return Problem("SEL001", message, term.at, hint)
    readers: frozenset[str] = frozenset()
    if term.children == UNBOUNDED and universe.facts.column_readers is not None:
        readers = universe.facts.column_readers(name, spelt)
    return Matched((readers & universe.parents.keys()) | {name})


def _spelling(column: str, known: tuple[str, ...] | None) -> str | None:
    """The column as it is spelt there; as the user spelt it when the columns are not known."""
    if known is None or column in known:
        return column
    return next((c for c in known if c.casefold() == column.casefold()), None)


def _match_stale(universe: Universe, term: Term) -> Matched:
    stale = (universe.facts.stale or frozenset()) & universe.parents.keys()
    return Matched(frozenset(name for name in stale if not term.value or fits(name, term.value)))


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "fqn": Method(labels.asset_names, labels.check_names, match=_match_fqn),
        "tag": Method(labels.asset_tags, labels.check_tags),
        "path": Method(labels.asset_paths, labels.check_paths, fits=path_fits),
        "file": Method(labels.asset_file, labels.check_file),
        "source": Method(labels.asset_source),
        "resource_type": Method(labels.asset_resource_type, labels.check_resource_type),
        "kind": Method(labels.asset_kind),
        "engine": Method(labels.asset_engine),
        "config": Method(
            labels.asset_config, labels.check_config, fits=_config_fits, takes_argument=True
        ),
        "package": Method(labels.asset_package),
        "test_name": Method(of_check=labels.check_type),
        "test_type": Method(of_check=labels.check_test_type),
        "unit_test": Method(of_check=labels.unit_test_names),
        "group": Method(labels.asset_group),
        "owner": Method(labels.asset_owners, fits=_owner_fits),
        "exposure": Method(missing="this project has no exposures"),
        "result": Method(
            labels.asset_status,
            labels.check_status,
            factual=True,
            needs=lambda universe: universe.facts.results,
            missing="no earlier run is recorded: `sqlpipes build` first",
            vocabulary=RESULTS,
        ),
        "state": Method(
            labels.asset_states,
            labels.check_states,
            factual=True,
            needs=lambda universe: universe.facts.modified,
            missing=NO_STATE,
            vocabulary=STATES,
        ),
        "source_status": Method(
            labels.asset_freshness,
            factual=True,
            needs=lambda universe: universe.facts.fresher_sources,
            missing=NO_STATE,
            vocabulary=("fresher",),
        ),
        "stale": Method(
            match=_match_stale,
            factual=True,
            needs=lambda universe: universe.facts.stale,
            missing="only a command that reads the history knows what is stale",
        ),
        "column": Method(
            match=_match_column,
            needs=lambda universe: universe.facts.column_readers,
            missing="the lineage of columns was not read",
        ),
        "selector": Method(),  # the evaluation answers it: it holds the definitions
    }
)
