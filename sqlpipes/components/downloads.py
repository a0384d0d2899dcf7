"""An http(s) URL -> a file in a folder."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from urllib.error import HTTPError, URLError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

TIMEOUT_S = 60.0  # without a byte


def download(url: str, headers: Mapping[str, str], folder: str) -> str:
    """The path of the file. Raises ConnectionError with the URL, less what may be secret in it."""
    name = os.path.basename(unquote(urlsplit(url).path)) or "download"
    path = os.path.join(folder, f"{len(os.listdir(folder))}_{name}")
    try:
        request = Request(url, headers=dict(headers))
        with urlopen(request, timeout=TIMEOUT_S) as answer, open(path, "wb") as file:
            shutil.copyfileobj(answer, file)
    except HTTPError as error:
        error.close()
        raise ConnectionError(f"{shown(url)} answered {error.code} {error.reason}") from None
    except (URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise ConnectionError(f"{shown(url)} cannot be fetched: {reason}") from None
    return path


def shown(url: str) -> str:
    """
    >>> shown("https://me:secret@x.org/a.csv?token=1")
    'https://x.org/a.csv'
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
