"""One SELECT over many values -> a SQL asset for each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import Annotated, Any

from sqlpipes.core.definitions import Building, Definitions, component, sql_asset
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
            raise ValueError("a template needs either `sql` or `file`")
        found = {}
        for values in combinations(self.for_each):
            name = filled(self.name, values)
            if name in found:
                raise ValueError(f"two assets are named '{name}': put every value into `name`")
            keys = {key: filled(below, values, loose=True) for key, below in self.asset.items()}
            found[name] = sql_asset(name, self.sql, path=self.file, names=values, **keys)
        return Definitions(assets=found.values())


def combinations(for_each: Any) -> Iterator[dict[str, Any]]:
    """The values of each asset. ValueError for a name that templates use already.

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
            raise ValueError(
                f"'{taken[0]}' means something else in a template: name it differently"
            )
        yield dict(values)


def filled(value: Any, values: Mapping[str, Any], *, loose: bool = False) -> Any:
    """Texts with `{{ name }}` and `{{ name.part }}` filled in, at any depth.

    `loose`: braces that name none of the values stay, for whoever reads them next. ValueError otherwise.

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
        first, *rest = found[1].split(".")
        if first not in values:
            if loose:
                return found[0]
            hint = did_you_mean(first, values) or f"known: {', '.join(values)}"
            raise ValueError(f"no value is named '{first}' ({hint})")
        part = values[first]
        for name in rest:
            if not isinstance(part, Mapping) or name not in part:
                raise ValueError(f"'{first}' has no '{name}'")
            part = part[name]
        return str(part)

    return NAMED.sub(one, value)
