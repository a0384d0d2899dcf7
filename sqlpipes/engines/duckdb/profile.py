"""Target -> what its output in profiles.yml says of a DuckDB database, typed. Does not import duckdb."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field

from sqlpipes.core.config import Plain, Target
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, did_you_mean
from sqlpipes.engines.duckdb.attach_faults import TAKEN, contradictions
from sqlpipes.engines.duckdb.attached import FILES, KINDS, MEMORY, Attached

KEYS = (
    *("path", "database", "schema", "schema_prefix", "threads", "type", "resources"),
    *("attach", "extensions", "secrets", "settings", "storage_version"),
)
OTHER_NAMES = {"config_options": "settings"}  # dbt's
IGNORED = ("keep_open", "disable_transactions")  # dbt's, of how it holds the file
ELSEWHERE = {
    "plugins": "write a Python asset for what a plugin reads",
    "module_paths": "Python under models/ is imported from the project's folder",
    "filesystems": "use the extension httpfs with `secrets:`",
    "external_root": "say `path:` at the model",
    "is_ducklake": "write `attach: {path: ..., type: ducklake}`",
    "use_credential_provider": "say `provider: credential_chain` of the secret",
}
OF_ATTACH = ("path", "type", "alias", "read_only", "create", "options", "secret", "schema")
OF_EXTENSION = ("name", "repo", "path", "install")
PUBLIC = frozenset(  # parameters of secrets that are none themselves
    {"provider", "scope", "region", "endpoint", "url_style", "use_ssl", "verify_ssl", "chain"}
    | {"url_compatibility_mode", "host", "port", "database", "user", "account_name", "account_id"}
    | {"refresh", "profile", "data_path", "metadata_path", "metadata_schema"}
)
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
VERSION = re.compile(r"v?(\d+\.\d+\.\d+|\d+\.\d+)")
STARTS = frozenset(  # settings that DuckDB takes only while it opens
    {"allow_unsigned_extensions", "allow_community_extensions", "duckdb_api", "access_mode"}
)


@dataclass(frozen=True, slots=True)
class Extension:
    """One to load: from `path`, else as it is installed, else from `repo` if `install` says so."""

    name: str
    repo: str | None = None
    path: str | None = None
    install: bool = True
    at: Location | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class DuckSecret:
    """The words of a CREATE SECRET. None of its values is shown."""

    name: str
    type: str
    options: Mapping[str, Plain] = field(repr=False)
    at: Location | None = field(default=None, compare=False)

    @property
    def values(self) -> tuple[str, ...]:
        """Those that are secret: all but of parameters that are known to be none."""
        return tuple(_texts([v for key, v in self.options.items() if key not in PUBLIC]))


@dataclass(frozen=True, slots=True)
class Profile:
    """`problems`: what is wrong with it, each with code ENG020 and its place."""

    extensions: tuple[Extension, ...] = ()
    secrets: tuple[DuckSecret, ...] = ()
    attached: tuple[Attached, ...] = ()
    settings: Mapping[str, Plain] = field(default_factory=dict)
    storage_version: str | None = None
    problems: tuple[Problem, ...] = ()
    missing: tuple[
        Problem, ...
    ] = ()  # attached files that are not there: of matter to who opens them

    @property
    def startup(self) -> dict[str, str]:
        """Settings that must be given while the database opens."""
        said = {name: value for name, value in self.settings.items() if name.lower() in STARTS}
        return {name: str(value).lower() for name, value in said.items()}

    @property
    def hidden(self) -> tuple[str, ...]:
        """Texts that no message shows."""
        of_secrets = (text for secret in self.secrets for text in secret.values)
        return (*of_secrets, *(text for each in self.attached for text in each.secrets))


def read_profile(target: Target, root: str, more: tuple[str, ...] = ()) -> Profile:
    """What is sound of it, and the problems with the rest; nothing is raised. `more`: keys that are read
    elsewhere, to be proposed."""
    reading = _Reading(target, root, more)
    extensions, secrets = tuple(reading.extensions()), tuple(reading.secrets())
    return Profile(
        extensions,
        secrets,
        tuple(reading.attached([secret.name for secret in secrets])),
        reading.settings(),
        reading.storage_version(),
        tuple(reading.checked()),
        tuple(reading.missing),
    )


class _Reading:
    """One pass over the options. Paths name places: `attach/1/alias`."""

    def __init__(self, target: Target, root: str, more: tuple[str, ...]) -> None:
        self.more = more
        self.target = target
        self.root = root
        self.options = {OTHER_NAMES.get(key, key): v for key, v in target.options.items()}
        self.problems: list[Problem] = []
        self.missing: list[Problem] = []

    def at(self, path: str) -> Location | None:
        while path and path not in self.target.places:
            path = path.rpartition("/")[0]
        return self.target.places.get(path)

    def wrong(self, path: str, message: str, hint: str | None = None) -> None:
        said = f"target '{self.target.name}': {message}"
        self.problems.append(Problem("ENG020", said, self.at(path), hint))

    def checked(self) -> list[Problem]:
        for key in self.options:
            if key in ELSEWHERE:
                self.wrong(f"{key}:", f"'{key}' is not known here", ELSEWHERE[key])
            elif key not in KEYS and key not in IGNORED:
                known = (*KEYS, *self.more)
                hint = did_you_mean(key, known) or f"known keys: {', '.join(sorted(known))}"
                self.wrong(f"{key}:", f"a DuckDB target has no key '{key}'", hint)
        return self.problems

    def each(self, key: str) -> Iterator[tuple[str, Plain]]:
        """(path, entry) of one entry or of a list."""
        value = self.options.get(key)
        if isinstance(value, list):
            yield from ((f"{key}/{i}", item) for i, item in enumerate(value))
        elif value is not None:
            yield key, value

    def mapping(
        self, path: str, said: Mapping[str, Plain], known: Iterable[str], what: str
    ) -> dict[str, Plain]:
        """The keys that are known; the others are told."""
        names = list(known)
        for key in said:
            if key not in names:
                hint = did_you_mean(key, names) or f"known: {', '.join(names)}"
                self.wrong(f"{path}/{key}", f"{what} has no key '{key}'", hint)
        return {key: value for key, value in said.items() if key in names and value is not None}

    def text(self, path: str, said: Mapping[str, Plain], key: str) -> str | None:
        value = said.get(key)
        if value is None or isinstance(value, str):
            return value or None
        self.wrong(f"{path}/{key}", f"'{key}' must be a text")
        return None

    def flag(self, path: str, said: Mapping[str, Plain], key: str, default: bool) -> bool:
        value = said.get(key, default)
        if isinstance(value, bool):
            return value
        if str(value).lower() in ("true", "false"):  # of an environment variable
            return str(value).lower() == "true"
        self.wrong(f"{path}/{key}", f"'{key}' must be true or false")
        return default

    # -------------------------------------------------------------------------------- kinds

    def extensions(self) -> Iterator[Extension]:
        for path, entry in self.each("extensions"):
            said = {"name": entry} if not isinstance(entry, dict) else entry
            said = self.mapping(path, said, OF_EXTENSION, "an extension")
            name, file = self.text(path, said, "name"), self.text(path, said, "path")
            if name and name.endswith(".duckdb_extension"):
                name, file = None, name
            file = local_path(file, self.root) if file else None
            if name is None and file:
                name = os.path.basename(file).partition(".")[0]
            if not name or not NAME.fullmatch(name):
                hint = "for example `extensions: [httpfs, {name: h3, repo: community}]`"
                self.wrong(path, "an extension needs a name", hint)
                continue
            repo, install = self.text(path, said, "repo"), self.flag(path, said, "install", True)
            yield Extension(name.lower(), repo, file, install, self.at(path))

    def secrets(self) -> Iterator[DuckSecret]:
        entries = self.options.get("secrets")
        listed: Iterable[tuple[str, str | None, Plain]]
        if isinstance(entries, dict):  # by name, unless it is a single one
            single = not all(isinstance(below, dict) for below in entries.values())
            listed = (
                [("secrets", None, entries)]
                if single
                else [(f"secrets/{name}", name, below) for name, below in entries.items()]
            )
        else:
            listed = ((path, None, entry) for path, entry in self.each("secrets"))
        seen: set[str] = set()
        for number, (path, name, entry) in enumerate(listed, 1):
            found = self.secret(path, name or f"sqlpipes_{number}", entry)
            if found is None:
                continue
            if found.name.lower() in seen:
                self.wrong(path, f"two secrets are called '{found.name}'", "name each differently")
            seen.add(found.name.lower())
            yield found

    def secret(self, path: str, name: str, entry: Plain) -> DuckSecret | None:
        if not isinstance(entry, dict):
            hint = "for example `secrets: [{type: s3, key_id: ..., secret: ...}]`"
            self.wrong(path, "a secret must be a mapping of its parameters", hint)
            return None
        said = {key.lower(): value for key, value in entry.items() if value is not None}
        kind = self.text(path, said, "type")
        if not kind or not NAME.fullmatch(kind):
            self.wrong(path, "a secret needs a type", "for example `type: s3`")
            return None
        if self.flag(path, said, "persistent", False) or "storage" in said:
            key = "persistent" if "persistent" in said else "storage"
            hint = "leave it out: it lives in memory, for as long as the command runs"
            self.wrong(f"{path}/{key}", "a secret is never stored on disk", hint)
        own = ("name", "type", "persistent", "storage")
        options = {key: value for key, value in said.items() if key not in own}
        bad = [key for key in options if not NAME.fullmatch(key)]
        for key in bad:
            self.wrong(f"{path}/{key}", f"'{key}' is no name of a parameter")
        name = self.text(path, said, "name") or name
        kept = {key: value for key, value in options.items() if key not in bad}
        return DuckSecret(name, kind.lower(), kept, self.at(path))

    def attached(self, secrets: Sequence[str]) -> Iterator[Attached]:
        own = self.target.catalog or ""
        names = {own.casefold(): "the target's own database", **dict.fromkeys(TAKEN, "taken")}
        said = self.options.get("path", self.options.get("database"))
        file = local_path(said, self.root) if isinstance(said, str) and said != MEMORY else ""
        for path, entry in self.each("attach"):
            found = self.attach(path, entry if isinstance(entry, dict) else {"path": entry})
            if found is None:
                continue
            told = entry if isinstance(entry, dict) else {}
            for key, message, hint in contradictions(told, found, file, secrets):
                self.wrong(f"{path}/{key}", message, hint)
            name = (found.catalog or "").casefold()
            if name and name in names:
                hint = "give it another one with `alias:`"
                message = f"the name '{found.catalog}' of an attached database is "
                taken = names[name] if names[name] == "taken" else f"that of {names[name]}"
                self.wrong(f"{path}/alias", f"{message}{taken}", hint)
                continue
            names[name or path] = "another attached one"
            yield found

    def attach(self, path: str, entry: Mapping[str, Plain]) -> Attached | None:
        said = self.mapping(path, entry, OF_ATTACH, "an attached database")
        kind = (self.text(path, said, "type") or "").lower() or None
        where = self.text(path, said, "path") or ""
        if kind is not None and not NAME.fullmatch(kind):
            self.wrong(f"{path}/type", f"'{kind}' is no type of a database")
            return None
        if kind is not None and kind not in KINDS and (hint := did_you_mean(kind, KINDS)):
            self.wrong(f"{path}/type", f"there is no type '{kind}' of attached databases", hint)
            return None
        options = said.get("options")
        if options is not None and not isinstance(options, dict):
            self.wrong(f"{path}/options", "'options' must be a mapping of the options of ATTACH")
        found = dict(options) if isinstance(options, dict) else {}
        found |= {key: said[key] for key in ("secret", "schema") if key in said}
        if not where and not (kind and found):
            hint = "for example `attach: {path: other.duckdb, alias: other}`"
            self.wrong(path, "an attached database needs a path", hint)
            return None
        is_file = kind in FILES and bool(where) and (":" not in where or where == MEMORY)
        may_make = self.flag(path, said, "create", False) or kind == "ducklake"
        if is_file and where != MEMORY and not may_make:
            self.demand_file(path, where)
        if kind == "ducklake" and isinstance(at := found.get("data_path"), str):
            found["data_path"] = local_path(at, self.root) + ("/" if at.endswith("/") else "")
        return Attached(
            local_path(where, self.root) if is_file else where,
            self.text(path, said, "alias"),
            kind,
            self.flag(path, said, "read_only", False),
            is_file and where != MEMORY,
            found,
            self.at(path),
        )

    def demand_file(self, path: str, where: str) -> None:
        """ATTACH would make an empty database in the place of one whose name is misspelt."""
        file = local_path(where, self.root)
        if os.path.exists(file):
            return
        folder, name = os.path.split(file)
        there = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        at = f"{path}/path" if f"{path}/path" in self.target.places else path
        make = "`create: true` beside its path"
        found = did_you_mean(name, there)
        hint = f"{found} To have it made, say {make}" if found else f"{make} has it made"
        message = f"target '{self.target.name}': the attached file {where} does not exist"
        self.missing.append(Problem("ENG020", message, self.at(at), hint))

    def settings(self) -> dict[str, Plain]:
        said = self.options.get("settings")
        if said is None:
            return {}
        if not isinstance(said, dict):
            self.wrong("settings", "'settings' must be a mapping", "{memory_limit: 4GB}")
            return {}
        for name, value in said.items():
            if isinstance(value, (list, dict)):
                self.wrong(f"settings/{name}", f"the setting '{name}' must be one value")
        return {k: v for k, v in said.items() if v is not None and not isinstance(v, (list, dict))}

    def storage_version(self) -> str | None:
        said = self.options.get("storage_version")
        if said is None:
            return None
        found = VERSION.fullmatch(str(said))
        if found is None and said != "latest":
            hint = "write a version of DuckDB that is to read the file: `storage_version: v1.5.0`"
            self.wrong("storage_version", f"'{said}' is no version of DuckDB", hint)
            return None
        if found is None:
            return "latest"
        return f"v{found[1]}" + (".0" if found[1].count(".") == 1 else "")


def local_path(said: str, root: str) -> str:
    """A path as the user wrote it, made absolute; URLs and ":memory:" stay as they are.

    >>> local_path("s3://lake/x.duckdb", "/project")
    's3://lake/x.duckdb'
    """
    if said == MEMORY or "://" in said or said.startswith("md:"):
        return said
    return os.path.abspath(os.path.join(root, os.path.expanduser(said)))


def _texts(value: Plain) -> Iterator[str]:
    """All texts and numbers in a value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
