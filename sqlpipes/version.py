"""The version, where the build and a bare `--version` find it without importing anything."""

__version__ = "0.1.0"
