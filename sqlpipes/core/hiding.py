"""Configuration and environment -> the texts in them that nobody is to see: passwords, tokens, keys.

What is said openly beside them, such as a database of the same name, cannot be hidden: see `worth_hiding`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import unquote

from sqlpipes.core.config import Plain

HIDDEN = "***"  # what stands where one stood
SHORTEST = 4  # characters; hiding less would make a log unreadable and hide nothing
LEAST_UNASKED = 8  # of a variable that only happens to be set
ALWAYS = "DBT_ENV_SECRET_"
NAMED = (
    r"(?i)(^|[_.-])(pass|password|passwd|passphrase|pwd|pw|token|secret|key|apikey|credential"
    r"|authorization|bearer|pat|private|sas|sig|signature|webhook)s?"
    r"(?=$|[_.\d-])|(password|passwd|passphrase|token|secret|apikey|accesskey)s?$"
)
PLACES = r"(?i)[_-](file|path|dir)$"
FOLDERS = ("PWD", "OLDPWD", "GOOGLE_APPLICATION_CREDENTIALS")
WORDS = frozenset({"true", "false", "none", "null", "auto", "default", "disabled", "enabled"})
URL = r"://[^\s:/@'\"]*:([^\s'\"]*)@"
PARAMETER = r"[?&;]([\w.-]+)=([^&;#\s'\"]+)"
PAIR = (
    r"(?i)\b(password|passwd|pwd|pass|token|secret)\s*=\s*"
    r"(?:'((?:[^'\\]|\\.|'')*)'|\"([^\"]*)\"|([^\s;,&)'\"]+))"
)
USER_AND_PASSWORD = r"[^:/?@\s]*(?::([^@]*))?@"
ESCAPES = "write @ in a password as %40, / as %2F, ? as %3F"
MEANT = ("password", "passwd", "token", "secret", "api_key", "credentials")
UNDER = frozenset(
    {"secrets", "settings", "credentials", "config", "extra", "options"}
)  # of many keys


def hides(name: str, named: Iterable[str] = ()) -> bool:
    """Whether what has this name, of a key or a variable, is a secret. `named`: further names of such.

    >>> hides("PGPASSWORD"), hides("AWS_SECRET_ACCESS_KEY"), hides("sslkey_file"), hides("TOKENIZERS")
    (True, True, False, False)
    >>> hides("HOOK_A", ["hook_*"]), hides("MY_HOOK_A", ["hook_*"])
    (True, False)
    """
    if any(matches(name, pattern) for pattern in named):
        return True
    if name.upper().startswith(ALWAYS):
        return True
    if name in FOLDERS or re.search(PLACES, name):
        return False
    return re.search(NAMED, name) is not None


def matches(name: str, pattern: str) -> bool:
    """Whether the name is one of the pattern's, in which `*` stands for any characters."""
    words = ".*".join(map(re.escape, pattern.split("*")))
    return re.fullmatch(f"(?is){words}", name) is not None


def without_vars(arguments: Sequence[str]) -> list[str]:
    """A command line to be kept: any value of --vars may be a secret, under a mistyped name, too.

    >>> without_vars(["build", "--vars", "{tokn: abcd}", "--vars=tokn=abcd", "-s", "a"])
    ['build', '--vars', '***', '--vars=***', '-s', 'a']
    """
    kept: list[str] = []
    for text in arguments:
        if kept and kept[-1] == "--vars":
            kept.append(HIDDEN)
        else:
            kept.append(f"--vars={HIDDEN}" if text.startswith("--vars=") else text)
    return kept


def passwords_in(text: str) -> Iterator[str]:
    """Of a URL, of its parameters, or of a connection string.

    >>> sorted(set(passwords_in("pg://me:p%40ss@db/dw?sslpassword=abc")))
    ['abc', 'p%40ss', 'p@ss']
    >>> list(passwords_in("postgres:dbname=dw password='it''s'"))
    ["it''s", "it's"]
    """
    if "://" in text:
        for found in re.findall(URL, text):
            yield from _spellings(found)
            yield from _spellings(found.partition("@")[0])
        for name, value in re.findall(PARAMETER, text):
            if hides(name):
                yield from _spellings(value)
    if "=" in text:
        for _, single, double, bare in re.findall(PAIR, text):
            found = single or double or bare
            yield from dict.fromkeys((found, re.sub(r"''|\\(.)", lambda m: m[1] or "'", found)))


def without_passwords(url: str) -> str:
    """The address that a URL leads to, without what lets one in: it may be a name.

    >>> without_passwords("https://me:pw@h/a.csv?part=1&sig=xyz&v=2"), without_passwords("raw/*.csv")
    ('https://me@h/a.csv?part=1&v=2', 'raw/*.csv')
    """
    if "://" not in url:
        return url
    url = re.sub(r"://([^/?#]*)@", lambda found: f"://{found[1].partition(':')[0]}@", url, count=1)
    head, mark, query = url.partition("?")
    kept = [part for part in query.split("&") if not hides(part.partition("=")[0])]
    return f"{head}{mark}{'&'.join(kept)}" if kept and mark else head


def name_without(name: str, secrets: Iterable[str]) -> str:
    """A name made of the words of a text, without those of secrets; its end may be cut.

    >>> name_without("a.expression.x_ab_cd_12_y_ab_cd", ["ab-cd-12"])
    'a.expression.x_secret_y_ab_cd'
    >>> name_without("a.expression.x_hunter_tw", ["hunter-two"])
    'a.expression.x_secret'
    """
    for secret in secrets:
        form = re.sub(r"\W+", "_", secret).strip("_")
        if len(form) < SHORTEST:
            continue
        name = name.replace(form, "secret")
        half = next((n for n in range(len(form) - 1, 5, -1) if name.endswith(form[:n])), 0)
        name = f"{name[:-half]}secret" if half else name
    return name


def _spellings(text: str) -> Iterator[str]:
    yield from dict.fromkeys((text, unquote(text)))


def is_torn(text: str) -> bool:
    """Whether the text holds a URL whose password has an @ that is not quoted: its end looks like a host.

    >>> is_torn("pg://me:p%40ss@db/dw?user=a@b"), is_torn("pg://me:p@ss@db/dw"), is_torn("s3://b/a@b@c")
    (False, True, False)
    >>> is_torn("pg://db:1/dw?user=me&password=p@ss"), is_torn("pg://me:p@s/s@db/dw")
    (True, True)
    """
    for start in re.finditer("://", text):
        found = re.match(USER_AND_PASSWORD, rest := text[start.end() :])
        if found is None:
            continue
        if "@" in rest[found.end() :].partition("?")[0] or re.search(r"\?\w+=", found[1] or ""):
            return True
    return False


def hidden_in(value: Plain, key: str = "", named: Sequence[str] = ()) -> Iterator[str]:
    """The secrets of a piece of configuration, by the names of its keys and in its URLs.

    Below a key that the user calls secret (`named`) all texts are.

    >>> list(hidden_in({"host": "me:abcd@place"}))
    ['abcd']

    >>> list(hidden_in({"user": "me", "pass": "abcd", "secrets": {"s3": {"region": "eu", "secret": "x1"}}}))
    ['abcd', 'x1']
    """
    own = any(matches(key, pattern) for pattern in named)
    if isinstance(value, dict):
        for name, below in value.items():
            if own or not _names_one(key, value, name):
                yield from hidden_in(below, key if own else name, named)
    elif isinstance(value, list):
        for below in value:
            yield from hidden_in(below, key, named)
    elif isinstance(value, str):
        if own or (key.lower() not in UNDER and (hides(key) or is_misspelt(key))):
            yield value
        if key.lower() == "host" and "@" in value:  # `me:password@place`, in the wrong key
            yield from _spellings(value.rpartition("@")[0].partition(":")[2])
        yield from passwords_in(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and (own or hides(key)):
        yield str(value)


def is_misspelt(key: str) -> bool:
    """Whether the key was meant to be one of a secret: it is told as unknown, with the line it is on.

    >>> [key for key in ("pasword", "secrt", "user", "passport", "section") if is_misspelt(key)]
    ['pasword', 'secrt']
    """
    from difflib import get_close_matches

    return bool(get_close_matches(key.lower(), MEANT, 1, 0.85))


def _names_one(key: str, said: Mapping[str, Plain], name: str) -> bool:
    """Whether `secret` is the name of one, as of a database that is attached.

    >>> list(hidden_in({"attach": [{"type": "postgres", "secret": "mypg"}], "secret": "abcd"}))
    ['abcd']
    """
    is_attached = key == "attach" and name == "secret" and ("type" in said or "path" in said)
    return is_attached and str(said[name]).isidentifier()


def hidden_in_environ(
    environ: Mapping[str, str], asked: Iterable[str] = (), named: Sequence[str] = ()
) -> Iterator[str]:
    """Values of variables whose names are those of secrets, and the passwords of URLs.

    `asked`: variables that the project names; of others only what is long enough to be no word.
    `named`: further names of secrets.
    """
    known = frozenset(asked)
    for name, value in environ.items():
        least = 0 if name in known or name.upper().startswith(ALWAYS) else LEAST_UNASKED
        if (hides(name) and len(value) >= least) or (named and hides(name, named)):
            yield value
        if "://" in value:
            yield from passwords_in(value)


def worth_hiding(found: Iterable[str], open_texts: Iterable[str]) -> tuple[str, ...]:
    """Those that can be hidden: no short ones, no mere words, and none that is part of an open text.

    >>> worth_hiding(["postgres", "hunter2", "abc", "true"], ["postgres"])
    ('hunter2',)
    """
    said = tuple(open_texts)
    return tuple(
        dict.fromkeys(
            text
            for text in found
            if len(text.strip()) >= SHORTEST
            and text.strip().casefold() not in WORDS
            and not any(text in other for other in said)
        )
    )
