"""Components -> what a user is told of them, and the JSON schema of a YAML file that uses them."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.definitions import Secret, component_of
from sqlpipes.core.errors import Problem
from sqlpipes.read.components.catalog import Home
from sqlpipes.read.components.fields import Field, fields_of
from sqlpipes.read.components.homes import at_home, class_of, unit_of

BRACES = {"type": "string", "pattern": r"\{\{.*\}\}"}
ENTRY = {
    "overrides": {
        "description": "Per asset, or per pattern of names: what is changed after the fact.",
        "type": "object",
        "additionalProperties": {"type": "object"},
    },
    "enabled": {"type": ["boolean", "string"], "description": "false: leave it out."},
    "description": {"type": "string", "description": "For who reads the file."},
}


@dataclass(frozen=True, slots=True)
class Described:
    """A component as `sqlpipes components` tells of it. With a problem it has no fields."""

    name: str
    origin: str  # built-in, project, or a package
    where: str  # the file of the project, or the module, and the class
    doc: str = ""
    fields: tuple[Field, ...] = ()
    example: str = ""
    schema: Mapping[str, Any] | None = None  # of its attributes
    parts: Mapping[str, Any] | None = None  # what the schema refers to
    problem: Problem | None = None


def described(home: Home, root: str) -> Described:
    """Imports the class. What is wrong with it is in `problem`, never raised."""
    where = f"{home.at.file if home.at else home.module}:{home.cls}"
    try:
        unit = unit_of(home, root)
        cls = class_of(home, unit)
        with at_home(home, unit):
            said = component_of(cls)
            if said is None:
                raise TypeError(f"{cls.__name__} is no component: put @component above it")
            fields = tuple(fields_of(cls))
            schema, parts = _schema(cls, fields)
    except KeyboardInterrupt:
        raise
    except BaseException as fault:  # SystemExit too: a module that exits is at fault
        message = f"{home.name} cannot be used: {type(fault).__name__}: {fault}"
        return Described(home.name, home.origin, where, problem=Problem("CMP005", message, home.at))
    doc = inspect.cleandoc(cls.__doc__ or "")
    doc = "" if doc.startswith(f"{cls.__name__}(") else doc  # what a dataclass says of itself
    return Described(home.name, home.origin, where, doc, fields, said.example, schema, parts)


def _schema(cls: type, fields: Sequence[Field]) -> tuple[dict[str, Any], dict[str, Any]]:
    import msgspec

    (found,), parts = msgspec.json.schema_components(
        [_without_secrets(cls, fields)], ref_template="#/$defs/{name}", schema_hook=_own
    )
    own = parts.pop(found["$ref"].rpartition("/")[2]) if "$ref" in found else found
    docs = {field.name: field.doc for field in fields}
    properties = {
        name: _welcoming(_told(below, docs.get(name, "")))
        for name, below in own.get("properties", {}).items()
    }
    closed = {**own, "properties": properties, "additionalProperties": False}
    for part in parts.values():
        if part.get("type") == "object":
            part.setdefault("additionalProperties", False)
            part["properties"] = {k: _welcoming(v) for k, v in part.get("properties", {}).items()}
    return closed, parts


def _without_secrets(cls: type, fields: Sequence[Field]) -> type:
    """A class with the same fields, where one has a Secret as its default, which no schema can tell."""
    import msgspec

    found = {field.name: field.default for field in msgspec.inspect.type_info(cls).fields}  # type: ignore[attr-defined]
    if not any(isinstance(value, Secret) for value in found.values()):
        return cls
    said = [
        (each.name, each.kind)
        if each.required
        else (each.name, each.kind, msgspec.field(default_factory=partial(_same, each.default)))
        for each in fields
    ]
    return msgspec.defstruct(cls.__name__, said, kw_only=True)


def _same(value: Any) -> Any:
    return value


def _own(kind: type) -> dict[str, Any]:
    """What msgspec does not know: a Secret, or a path, is said as a text."""
    return {"type": "string"} if kind is Secret else {}


def _told(schema: dict[str, Any], doc: str) -> dict[str, Any]:
    return {**schema, "description": doc} if doc else schema


def _welcoming(schema: dict[str, Any]) -> dict[str, Any]:
    """A value may stand in braces, whatever it will be."""
    if schema.get("type") == "string" and "enum" not in schema and "format" not in schema:
        return schema
    if not {"type", "anyOf", "enum", "$ref"} & schema.keys():
        return schema  # anything goes
    about: dict[str, Any] = {
        key: schema[key] for key in ("description", "default") if key in schema
    }
    rest = {key: value for key, value in schema.items() if key not in about}
    return {**about, "anyOf": [*(rest["anyOf"] if list(rest) == ["anyOf"] else [rest]), BRACES]}


def schema_of(every: Sequence[Described]) -> dict[str, Any]:
    """The JSON schema of one YAML document: a component, or a list of them under `components:`."""
    known = [each for each in every if each.schema is not None]
    parts: dict[str, Any] = {}
    for each in known:
        parts |= each.parts or {}
        parts[f"{each.name}.attributes"] = each.schema
    types = [
        {"const": each.name, "description": each.doc.partition("\n")[0] or each.name}
        for each in known
    ]
    parts["component"] = {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"oneOf": types}, "attributes": {"type": "object"}, **ENTRY},
        "additionalProperties": False,
        "allOf": [_of_type(each) for each in known],
    }
    several = {"type": "array", "items": {"$ref": "#/$defs/component"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A component of sqlpipes, or a list of them",
        "type": "object",
        "if": {"required": ["type"]},
        "then": {"$ref": "#/$defs/component"},
        "else": {"properties": {"components": several}, "required": ["components"]},
        "$defs": parts,
    }


def _of_type(each: Described) -> dict[str, Any]:
    ref = f"#/$defs/{each.name}.attributes"
    needed = ["attributes"] if (each.schema or {}).get("required") else []
    then: dict[str, Any] = {"properties": {"attributes": {"$ref": ref}}}
    if needed:
        then["required"] = needed
    return {
        "if": {"properties": {"type": {"const": each.name}}, "required": ["type"]},
        "then": then,
    }
