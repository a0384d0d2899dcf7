"""One SELECT over many values -> a SQL asset for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Annotated, Any

from sqlpipes.core.definitions import Building, Definitions, FieldError, component, sql_asset
from sqlpipes.core.errors import did_you_mean

NAMED = re.compile(r"\{\{-?\s*([A-Za-z_][\w.]*)\s*-?\}\}")
TAKEN = frozenset(
    {"this", "partition", "target", "var", "env_var", "is_incremental", "ref", "source"}
)

EXAMPLE = """\
type: template
attributes:
  name: "orders_{{ country }}"
  for_each: {country: [de, fr]}
  sql: |
    select * from orders
    where country = '{{ country }}'
"""


@component(name="template", example=EXAMPLE)
class Template:
    """One SELECT over many values: an asset for each of them."""

    name: Annotated[str, "raw"]  # of an asset, with the values in braces: orders_{{ country }}
    # names and their values, each with each; or a list with the values of each asset
    for_each: dict[str, list[Any]] | list[dict[str, Any]]
    sql: Annotated[str | None, "raw"] = None  # the SELECT, with the values in braces
    file: str | None = None  # instead of sql: the path of a file that holds the SELECT
    # keys of a model's front matter, for every asset; values in braces here, too
    asset: Annotated[dict[str, Any], "raw"] = {}

    def build(self, context: Building) -> Definitions:
        if (self.sql is None) == (self.file is None):
            raise FieldError("sql", "a template needs either `sql` or `file`")
        found = {}
        for values in combinations(self.for_each):
            name = self.named(values)
            if name in found:
                hint = "put every value into `name`, in braces"
                raise FieldError("name", f"two assets are named '{name}'", hint)
            keys = {key: filled(below, values, loose=True) for key, below in self.asset.items()}
            found[name] = sql_asset(name, self.sql, path=self.file, names=values, **keys)
        if not found:
            hint = "each name in it needs at least one value"
            context.warn("for_each", "`for_each` gives no values, so no asset is made", hint)
        return Definitions(assets=found.values())

    def named(self, values: Mapping[str, Any]) -> str:
        """The name of the asset of these values."""
        for found in NAMED.finditer(self.name):
            if part_of(found[1], values) is None:
                raise FieldError("for_each", f"a value of '{found[1]}' is empty, and is in `name`")
        name: str = filled(self.name, values)
        return name


def combinations(for_each: Any) -> Iterator[dict[str, Any]]:
    """The values of each asset. FieldError for a name that templates use already.

    >>> list(combinations({"a": [1, 2], "b": ["x"]}))
    [{'a': 1, 'b': 'x'}, {'a': 2, 'b': 'x'}]
    """
    if isinstance(for_each, Mapping):
        every: Any = (
            dict(zip(for_each, values, strict=True)) for values in product(*for_each.values())
        )
    else:
        every = for_each
    for values in every:
        if taken := sorted(TAKEN & set(values)):
            field = f"for_each/{taken[0]}" if isinstance(for_each, Mapping) else "for_each"
            message = f"'{taken[0]}' means something else in a template"
            raise FieldError(field, message, "name it differently")
        yield dict(values)


def filled(value: Any, values: Mapping[str, Any], *, loose: bool = False) -> Any:
    """Texts with `{{ name }}` and `{{ name.part }}` filled in, at any depth.

    `loose`: braces that name none of the values stay, for whoever reads them next. FieldError otherwise.

    >>> filled(["{{ a }}_{{b.c}}"], {"a": 1, "b": {"c": "x"}})
    ['1_x']
    """
    if isinstance(value, Mapping):
        return {key: filled(below, values, loose=loose) for key, below in value.items()}
    if isinstance(value, list):
        return [filled(below, values, loose=loose) for below in value]
    if not isinstance(value, str):
        return value

    def one(found: re.Match[str]) -> str:
        if loose and found[1].partition(".")[0] not in values:
            return found[0]
        return str(part_of(found[1], values))

    return NAMED.sub(one, value)


def part_of(said: str, values: Mapping[str, Any]) -> Any:
    """The value of `name` or `name.part`. FieldError when there is none."""
    first, *rest = said.split(".")
    if first not in values:
        known = did_you_mean(first, values) or f"known: {', '.join(values)}"
        raise FieldError("name", f"no value is named '{first}'", known)
    part = values[first]
    for name in rest:
        if not isinstance(part, Mapping) or name not in part:
            hint = did_you_mean(name, part) if isinstance(part, Mapping) else None
            raise FieldError("name", f"'{first}' has no '{name}'", hint)
        part = part[name]
    return part
