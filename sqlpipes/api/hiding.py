"""Secrets of a project and of the environment -> a function that takes them out of a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqlpipes.core.hiding import hidden_in_environ, worth_hiding

Hide = Callable[[str], str]


def hider(environ: Mapping[str, str], secrets: Iterable[str] = ()) -> Hide:
    """Text -> the same without `secrets` and what in the environment has the name of one."""
    found = worth_hiding((*secrets, *hidden_in_environ(environ)), ())
    return hide_all(found)


def hide_all(secrets: Iterable[str]) -> Hide:
    found = tuple(secrets)
    if not found:
        return str
    from sqlpipes.run.masking import Mask

    return Mask(found)
