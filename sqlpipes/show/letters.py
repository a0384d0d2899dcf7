"""Text of others -> text for a terminal: no letter of it moves the cursor or colours what follows.

What comes from data, from a database or from a function goes through here before it is put into a
line; JSON and CSV take it as it is. Widths are counted in columns of the terminal.
"""

from __future__ import annotations

import re
import unicodedata

# controls, halves of surrogates, line ends that only some know, and what turns the direction of writing
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
)
COLOURS = re.compile(r"\x1b\[[0-9;:]*m")
NO_ROOM = ("Mn", "Me", "Cf")  # kinds of letters that stand on the one before them
WIDE = "WF"
SHORTEST_NAME = 20


def plain(text: str) -> str:
    r"""One line of visible letters.

    >>> print(plain("a\x1b[31m\nb"))
    a\x1b[31m\nb
    """
    return UNSEEN.sub(_escaped, text)


def plain_lines(text: str) -> str:
    r"""The same, but lines stay lines and a tab is a space.

    >>> plain_lines("a\tb\r\nc\x07")
    'a b\nc\\x07'
    """
    return "\n".join(map(plain, text.replace("\r\n", "\n").replace("\t", " ").split("\n")))


def plain_cell(text: str) -> str:
    r"""The same in a cell of a table, where white space is a space.

    >>> plain_cell("a\r\nb\tc\x1b")
    'a b c\\x1b'
    """
    if text.isascii() and text.isprintable():
        return text
    return plain(text.replace("\r\n", " ").replace("\n", " ").replace("\t", " "))


def plain_log(text: str) -> str:
    r"""The same of what a function printed: it may have been coloured, and have drawn a bar.

    >>> print(plain_log("\x1b[32mok\x1b[0m\r\n10%\r20%"))
    ok
    10%
    20%
    """
    return plain_lines(COLOURS.sub("", text).replace("\r\n", "\n").replace("\r", "\n"))


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def width_of(text: str) -> int:
    """Columns of a terminal: two for a wide letter, none for one that stands on another.

    >>> width_of("abc"), width_of("日本"), width_of("😀"), width_of("e\u0301")
    (3, 4, 2, 1)
    """
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(letter: str) -> int:
    if unicodedata.category(letter) in NO_ROOM:
        return 0
    return 2 if unicodedata.east_asian_width(letter) in WIDE else 1


def padded(text: str, width: int, right: bool = False) -> str:
    """
    >>> padded("日本", 6), padded("7", 3, right=True)
    ('日本  ', '  7')
    """
    space = " " * (width - width_of(text))
    return space + text if right else text + space


def cut(text: str, room: int, mark: str = "…") -> str:
    """
    >>> cut("abcdef", 4), cut("日本語", 4), cut("abc", 4)
    ('abc…', '日…', 'abc')
    """
    if width_of(text) <= room:
        return text
    return _begin(text, room - 1) + mark


def cut_middle(text: str, room: int) -> str:
    """Names that begin alike often end otherwise.

    >>> cut_middle("daily_sales_by_store_and_product", 15)
    'daily_s…product'
    """
    if width_of(text) <= room:
        return text
    left = room // 2
    end = _begin(text[::-1], room - 1 - left)[::-1]
    return f"{_begin(text, left)}…{end}"


def _begin(text: str, room: int) -> str:
    """As much of it as has room."""
    if text.isascii():
        return text[: max(room, 0)]
    for at, letter in enumerate(text):
        room -= _columns(letter)
        if room < 0:
            return text[:at]
    return text


def name_text(name: str, columns: int | None) -> str:
    """A name in a line of a terminal with so many columns, of which others need a part; None: no terminal.

    >>> len(name_text("x" * 200, 80)), len(name_text("x" * 200, None))
    (40, 200)
    """
    name = plain(name)
    return name if columns is None else cut_middle(name, max(columns // 2, SHORTEST_NAME))
