"""Text -> a file that appears when it is whole, for others to read."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress


def write_whole(path: str, text: str) -> None:
    """In place of what is there, with the rights that a new file has. Raises OSError and leaves nothing."""
    part = f"{path}.{secrets.token_hex(4)}.part"
    try:
        with open(part, "x", encoding="utf-8") as file:
            file.write(text)
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(part)
        raise
