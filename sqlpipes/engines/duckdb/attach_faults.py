"""What a profile says of an attached database -> what cannot be meant: (key, message, hint)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlpipes.core.config import Plain
from sqlpipes.core.errors import did_you_mean
from sqlpipes.engines.duckdb.attached import Attached

Fault = tuple[str, str, str | None]
TAKEN = ("main", "temp", "system")  # names that DuckDB gives to none


def contradictions(
    said: Mapping[str, Plain], found: Attached, own: str, secrets: Sequence[str]
) -> Iterator[Fault]:
    """`own` is the path of the target's own file, `secrets` are the names of those that it makes.

    A secret that DuckDB keeps itself may have any name, unless it is nearly one of ours.
    """
    if found.read_only and str(said.get("create")).lower() == "true":
        message = "what is only read cannot be made: `create` and `read_only` are both true"
        yield "read_only", message, "leave one of the two out"
    if found.is_file and found.where == own:
        hint = "leave it out: its tables are there without it"
        yield "path=", "the attached file is the target's own database", hint
    secret = said.get("secret")
    if not isinstance(secret, str) or secret.lower() in {name.lower() for name in secrets}:
        return
    if near := did_you_mean(secret, secrets):
        yield "secret=", f"there is no secret '{secret}'", near
