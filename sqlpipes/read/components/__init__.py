"""YAML entries with a `type:` -> what their components declare; see the doors below."""

from sqlpipes.read.components.catalog import Catalog, Home, catalog_of
from sqlpipes.read.components.entries import Component, read_components

__all__ = ["Catalog", "Component", "Home", "catalog_of", "read_components"]
