"""What a command line turns out to be about, for the error screen and the record of the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

import click

from sqlpipes.cli.masked import Veil
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.hiding import without_vars

FLAGS = ("select", "exclude", "selector", "partition", "inline", "config")


@dataclass(slots=True)
class Seen:
    """Filled while the command line is read; `texts` are values of flags, by the flag's name."""

    root: str = "."  # of the project, once a command knows it
    command: str = ""  # what stands after `sqlpipes`
    texts: dict[str, str] = field(default_factory=dict)
    veil: Veil = field(default_factory=Veil)  # over what is printed

    def note_flags(self, options: Mapping[str, Any]) -> None:
        """Remember the values that a problem may point into, a repeated flag line by line."""
        for name in FLAGS:
            said = options.get(name)
            if said:
                self.texts[f"--{name}"] = said if isinstance(said, str) else "\n".join(said)


def seen_by(context: click.Context) -> Seen:
    """The one of this command line."""
    return context.ensure_object(Seen)


def command_text(arguments: Sequence[str]) -> str:
    """As it could be typed again, but for the values of --vars: see `without_vars`."""
    import shlex

    return shlex.join(without_vars(arguments))
