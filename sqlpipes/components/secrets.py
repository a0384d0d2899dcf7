"""Attributes as a YAML file has them -> a fault for a secret that stands in it letter for letter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlpipes.core.definitions import Building, FieldError, has_password, named_secret


def refuse_password(context: Building) -> None:
    """FieldError for a `url` with a password in the file."""
    said = str(context.attributes.get("url"))
    if "{{" not in said and has_password(said):
        hint = "take it from the environment: url: \"{{ env_var('DATABASE_URL') }}\""
        raise FieldError("url", "a password stands in this file", hint)


def refuse_literals(field: str, context: Building) -> None:
    """FieldError for a value of a mapping that is a secret by its name, and in the file."""
    said: Any = context.attributes.get(field)
    for name, value in said.items() if isinstance(said, Mapping) else ():
        if value and named_secret(str(name)) and "{{" not in str(value):
            hint = f"take it from the environment: {name}: \"{{{{ env_var('...') }}}}\""
            raise FieldError(f"{field}/{name}", "a secret stands in this file", hint)
