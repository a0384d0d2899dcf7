"""A folder -> a Reading: SQL models, seeds, sources, Python assets, checks and config, not yet linked."""

from sqlpipes.read.project import read_project
from sqlpipes.read.project_file import find_root
from sqlpipes.read.reading import Reading

__all__ = ["Reading", "find_root", "read_project"]
