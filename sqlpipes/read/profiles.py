"""profiles.yml -> Target. Looked for in the given folder, the project, ~/.sqlpipes, then ~/.dbt."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from functools import partial
from typing import Any

from sqlpipes.core.config import Plain, ProjectConfig, Target
from sqlpipes.core.dataclass import dataclass
from sqlpipes.core.errors import Location, Problem, ProjectError, did_you_mean, nearest
from sqlpipes.core.hiding import hidden_in, is_misspelt
from sqlpipes.core.sql.dialects import dialect_named
from sqlpipes.read.addresses import address_problems
from sqlpipes.read.braces import Names, fill
from sqlpipes.read.cache import Cache
from sqlpipes.read.engines import read_engines
from sqlpipes.read.files import File, one_file
from sqlpipes.read.marked import Node
from sqlpipes.read.properties import yaml_facts, yaml_node
from sqlpipes.read.resource_config import unless_secret
from sqlpipes.read.seconds import seconds_of

PATIENCE = ("statement_timeout_s", "query_comment", "retries", "connect_retries")
NAMES = ("profiles.yml", "profiles.yaml")
PLAIN_KEYS = ("type", "schema", "schema_prefix", "threads", "engines", *PATIENCE)
OTHER_NAMES = {"dataset": "schema", "adapter": "type"}
SECRET = r"(?i)pass|pwd|token|secret|key|credential|url|uri|dsn|connection|settings"
BARE = r"\{\{\s*(?:env_var|var)\(\s*(?:'[^']*'|\"[^\"]*\")\s*\)\s*\}\}"  # without a default
SAID = r"://[^/\s]*@|(?i:password)\s*="  # a value that shows it
DEFAULT_SCHEMAS = {
    "postgres": "public",
    "postgresql": "public",
    "redshift": "public",
    "spark": "default",
    "databricks": "default",
    "trino": "default",
    "snowflake": "PUBLIC",
    "cockroachdb": "public",
    "mssql": "dbo",
}
SCHEMA_IS_DATABASE = ("mysql", "mariadb", "clickhouse", "clickhousedb", "starrocks")


def read_target(root: str, config: ProjectConfig, cache: Cache, names: Names, **how: Any) -> Target:
    """The target of `read_output`."""
    return read_output(root, config, cache, names, **how).target


@dataclass(frozen=True, slots=True)
class Output:
    """A target, and what its output says under `resources:`, with nothing filled in yet."""

    target: Target
    resources: Node | None = None
    targets: tuple[str, ...] = ()  # of the profile; none where there is no file
    hidden: tuple[str, ...] = field(default=(), repr=False)  # secrets that stand in the file


def own_output(config: ProjectConfig) -> Output:
    """What a project without any profile is built into."""
    return Output(_without_file(config, None, None, None))


def read_output(
    root: str,
    config: ProjectConfig,
    cache: Cache,
    names: Names,
    *,
    target: str | None = None,
    profile: str | None = None,
    profiles_dir: str | None = None,
) -> Output:
    """The chosen output. Without any profiles.yml: a DuckDB file named like the project.

    Raises ProjectError: PRF001 no such profile, PRF002 no such target, PRF003 an output that is wrong.
    """
    file = _find(root, profiles_dir, names.environ)
    wanted = profile or config.profile
    if file is None:
        return Output(_without_file(config, wanted, target, profiles_dir))
    problems: list[Problem] = []
    node = yaml_node(file, cache, problems, _profile_facts)
    if problems:
        raise ProjectError(*problems)
    chosen = _profile(node, wanted, config.name)
    if chosen is None:
        return Output(_without_file(config, None, target, None))
    found = hidden_in(node.value, named=config.secrets)
    hidden = tuple(text for text in found if "{{" not in text)
    return replace(_output(chosen, target, names), hidden=hidden)


def _profile_facts(text: str, path: str) -> dict[str, Any]:
    """The document, not to be kept when a password may stand in it."""
    facts = yaml_facts(text, path)
    if _holds_secrets(facts["value"]):
        return {**facts, "secret": True}
    return unless_secret(facts, "value")


def _holds_secrets(value: Plain, key: str = "") -> bool:
    if isinstance(value, dict):
        return any(_holds_secrets(below, f"{key}/{name}") for name, below in value.items())
    if isinstance(value, list):
        return any(_holds_secrets(below, key) for below in value)
    said = re.sub(BARE, "", str(value))  # what comes from outside as a whole says nothing
    said = re.sub(r"://[^/\s:@]*:?@", "://", said) if said != value else said
    is_secret = re.search(SECRET, key) or is_misspelt(key.rpartition("/")[2])
    named = (said.strip() and is_secret) or re.search(SAID, said)
    return value is not None and bool(named)


def _find(root: str, profiles_dir: str | None, environ: Mapping[str, str]) -> File | None:
    home = environ.get("HOME") or environ.get("USERPROFILE")
    folders = [profiles_dir] if profiles_dir else [environ.get("DBT_PROFILES_DIR"), root]
    if home and not profiles_dir:
        folders += [os.path.join(home, ".sqlpipes"), os.path.join(home, ".dbt")]
    for folder in filter(None, folders):
        for name in NAMES:
            found = one_file(folder, name)
            if found:
                return File(
                    _shown(found.absolute, root), found.absolute, found.mtime_ns, found.size
                )
    return None


def _shown(absolute: str, root: str) -> str:
    """Relative to the project where it lies inside."""
    relative = os.path.relpath(absolute, root).replace(os.sep, "/")
    return absolute if relative.startswith("../") else relative


def _without_file(
    config: ProjectConfig, wanted: str | None, target: str | None, profiles_dir: str | None
) -> Target:
    if wanted or profiles_dir:
        what = f"the profile '{wanted}'" if wanted else f"a profiles.yml in {profiles_dir}"
        near = None if wanted or not profiles_dir else _near(profiles_dir)
        hint = near or "see profiles.example.yml for its form"
        raise ProjectError(Problem("PRF001", f"{what} is not there", hint=hint))
    if target not in (None, "dev"):
        hint = "without a profiles.yml there is only 'dev'"
        raise ProjectError(Problem("PRF002", f"there is no target '{target}'", hint=hint))
    options: dict[str, Plain] = {"path": f"{config.name}.duckdb"}
    return Target("dev", "duckdb", options=options, catalog=_catalog("duckdb", options))


def _near(folder: str) -> str | None:
    """A folder beside one that is not there, of a name like it."""
    above, name = os.path.split(os.path.abspath(folder))
    if os.path.isdir(folder) or not os.path.isdir(above):
        return None
    return did_you_mean(name, [entry.name for entry in os.scandir(above) if entry.is_dir()])


def _profile(node: Node, wanted: str | None, project: str) -> Node | None:
    """The profile asked for; else the project's own, else the only one; else None when none is asked."""
    found = {key: below for key, below in node.entries() if key not in ("config", "version")}
    if wanted is None:
        if project in found or len(found) == 1:
            return found.get(project) or next(iter(found.values()))
        if not found:
            return None
    if wanted in found:
        return found[wanted]
    named = ", ".join(found) or "none"
    message = (
        f"{node.file} has no profile '{wanted}'"
        if wanted
        else f"{node.file} has several profiles and none is named '{project}'"
    )
    hint = did_you_mean(wanted or project, found) or f"name one with `profile:`: {named}"
    raise ProjectError(Problem("PRF001", message, node.at, hint))


def _output(profile: Node, target: str | None, names: Names) -> Output:
    problems: list[Problem] = []
    outputs = dict(outputs_node.entries()) if (outputs_node := profile.get("outputs")) else {}
    if not outputs:
        message = f"the profile '{profile.key}' has no outputs"
        raise ProjectError(Problem("PRF003", message, profile.key_at))
    default = profile.get("target")
    asked = fill(default, names, problems).value if default and not target else target
    name = str(asked) if asked else _only(profile, outputs)
    if problems:
        raise ProjectError(*problems)
    if name not in outputs:
        near = nearest(name, outputs)
        listed = ", ".join([*near, *(other for other in outputs if other not in near)])
        at = default.at if default and not target else (outputs_node or profile).at
        message = f"the profile '{profile.key}' has no target '{name}'"
        raise ProjectError(Problem("PRF002", message, at, f"its targets: {listed}"))
    own, resources = outputs[name], outputs[name].get("resources")
    found = _filled_target(name, own, names, problems)
    if (below := own.get("engines")) is not None:
        ways = (partial(_filled, names=names), partial(_further, names=names))
        found = replace(found, engines=read_engines(below, found, outputs.get, *ways, problems))
    if resources is not None and not isinstance(resources.value, dict):
        message = "'resources' must be a mapping of resource names"
        problems.append(Problem("PRF003", message, resources.at))
    if problems:
        raise ProjectError(*problems)
    return Output(found, resources, tuple(outputs))


def _filled(node: Node, problems: list[Problem], *, names: Names) -> Node:
    return fill(node, names, problems)


def _filled_target(name: str, output: Node, names: Names, problems: list[Problem]) -> Target:
    raw = _bare(output)
    said = fill(raw, names, problems)
    found = _target(name, said, problems)
    problems += address_problems(said, raw, names.environ)
    return found


def _further(name: str, output: Node, problems: list[Problem], *, names: Names) -> Target:
    """A further engine. A variable that is not set is told when an asset lives on it."""
    raw, unset = _bare(output), list[Problem]()
    said = fill(raw, names, unset)
    found = _target(name, said, unset if unset else problems)
    unset += address_problems(said, raw, names.environ)
    return replace(found, problems=tuple(unset))


def _bare(output: Node) -> Node:
    """Without what is filled in by itself: a variable that only a resource wants need not be set."""
    if not isinstance(output.value, dict):
        return output
    own = {k: v for k, v in output.value.items() if k not in ("resources", "engines")}
    return output.with_value(own)


def _only(profile: Node, outputs: Mapping[str, Node]) -> str:
    if len(outputs) == 1 or "default" in outputs:
        return "default" if "default" in outputs else next(iter(outputs))
    message = f"the profile '{profile.key}' does not say which target is the usual one"
    hint = f"add `target: {next(iter(outputs))}`, or choose one with --target"
    raise ProjectError(Problem("PRF002", message, profile.key_at, hint))


def _target(name: str, node: Node, problems: list[Problem]) -> Target:
    said: dict[str, Plain] = {
        OTHER_NAMES.get(key, key): below.value for key, below in node.entries()
    }
    engine = said.get("type")
    if not isinstance(engine, str) or not engine:
        message = f"the target '{name}' needs a type"
        problems.append(Problem("PRF003", message, node.key_at, "for example `type: duckdb`"))
        engine = ""
    schema = _text(said, "schema", _default_schema(engine, said), node, problems)
    prefix = _text(said, "schema_prefix", "", node, problems)
    threads = _threads(said.get("threads"), node, problems)
    options = {key: value for key, value in said.items() if key not in PLAIN_KEYS}
    if engine == "duckdb" and "database" in options and "path" not in options:
        options["path"] = options.pop("database")
    places = dict(_places(node))
    catalog = _catalog(engine, options)
    patience = _patience(said, node, problems)
    return Target(name, engine, schema, prefix, threads, options, catalog, places, **patience)


def _default_schema(engine: str, said: Mapping[str, Plain]) -> str:
    """Where a database puts what is written without a schema.

    >>> _default_schema("sqlalchemy", {"url": "mysql+pymysql://me@db/shop"})
    'shop'
    >>> _default_schema("mssql", {})
    'dbo'
    """
    url = said.get("url")
    named = re.split(r"[+:]", url)[0] if isinstance(url, str) and "://" in url else engine
    if named in SCHEMA_IS_DATABASE:
        database = said.get("database") or said.get("dbname") or _of_url(url)
        return database if isinstance(database, str) and database else "default"
    return DEFAULT_SCHEMAS.get(named) or DEFAULT_SCHEMAS.get(engine, "main")


def _places(node: Node, above: str = "") -> Iterator[tuple[str, Location]]:
    """Every key and item of an output with its place: `attach/1/alias`. An unknown key is its own.

    `path:` is the key of an output itself, and `attach/1/alias=` the value of one in it.
    """
    for key, below in node.entries():
        yield f"{above}{key}", below.key_at if above else below.at
        yield (f"{above}{key}=", below.at) if above else (f"{key}:", below.key_at)
        yield from _places(below, f"{above}{key}/")
    for number, item in enumerate(node.items()) if isinstance(node.value, list) else ():
        yield f"{above}{number}", item.at
        yield from _places(item, f"{above}{number}/")


def _catalog(engine: str, options: Mapping[str, Plain]) -> str | None:
    """What a query may call the target's database; None when the profile does not tell.

    >>> _catalog("duckdb", {"path": "data/shop.v2.duckdb"}), _catalog("postgres", {"dbname": "dw"})
    ('shop', 'dw')
    """
    path = options.get("path")
    if engine == "ducklake" or (isinstance(path, str) and path.startswith("ducklake:")):
        alias = options.get("alias", "lake")
        return alias if isinstance(alias, str) else None
    url = options.get("url")
    if engine == "sqlite" or (isinstance(url, str) and url.startswith("sqlite")):
        return None  # its schemas are files, and nothing stands above them
    if engine != "duckdb":
        named = options.get("dbname") or options.get("database") or _of_url(options.get("url"))
        return named if isinstance(named, str) else None
    if not isinstance(path, str) or path == ":memory:":
        return "memory"
    name = re.split(r"[/\\:]", path.partition("?")[0])[-1].lstrip(".").partition(".")[0]
    return f"{name}_db" if name in ("main", "temp", "system") else name or None


def _of_url(url: Plain) -> str | None:
    """
    >>> _of_url("postgresql://me:pw@db:5432/shop?sslmode=require")
    'shop'
    """
    rest = url.partition("://")[2].partition("?")[0] if isinstance(url, str) else ""
    return rest.partition("/")[2] or None


def _text(
    said: Mapping[str, Plain], key: str, default: str, node: Node, problems: list[Problem]
) -> str:
    value = said.get(key)
    if value is None:
        return default
    if not isinstance(value, str):
        below = node.get(key) or node
        problems.append(Problem("PRF003", f"'{key}' must be a text", below.at))
        return default
    return value


def _threads(value: Plain, node: Node, problems: list[Problem]) -> int:
    if value is None:
        return 4
    number = int(value) if isinstance(value, str) and value.isdigit() else value
    if isinstance(number, int) and not isinstance(number, bool) and number >= 1:
        return number
    at = (node.get("threads") or node).at
    problems.append(Problem("PRF003", "'threads' must be a whole number from 1", at))
    return 4


MOST_RETRIES = 100
COMMENT_WORDS = ("project", "target", "run", "asset", "slices")


def _patience(said: Mapping[str, Plain], node: Node, problems: list[Problem]) -> dict[str, Any]:
    """How long statements may take, how often a connection is tried again, how statements are signed."""
    found: dict[str, Any] = {}
    for key in ("retries", "connect_retries"):
        value = said.get(key)
        if value is None:
            continue
        number = int(value) if isinstance(value, str) and value.isdigit() else value
        if type(number) is int and 0 <= number <= MOST_RETRIES:
            found[key] = number
        else:
            message = f"'{key}' must be a whole number from 0 to {MOST_RETRIES}"
            problems.append(Problem("PRF003", message, (node.get(key) or node).at))
    if "retries" in found:
        found.setdefault("connect_retries", found["retries"])
    found |= seconds_of("statement_timeout_s", node.get("statement_timeout_s"), "PRF003", problems)
    comment = said.get("query_comment")
    if isinstance(comment, (bool, str)):
        found["query_comment"] = comment
        problems += _unknown_words(str(comment), (node.get("query_comment") or node).at)
    elif comment is not None:
        message = "'query_comment' must be true, false or a text"
        problems.append(Problem("PRF003", message, (node.get("query_comment") or node).at))
    return found


def _unknown_words(text: str, at: Location) -> Iterator[Problem]:
    """Braces that would stand in every comment as they are."""
    for word in re.findall(r"\{\s*(\w+)\s*\}", text):
        if f"{{{word}}}" not in text or word not in COMMENT_WORDS:
            hint = did_you_mean(word, COMMENT_WORDS)
            listed = f"it may hold {', '.join(f'{{{each}}}' for each in COMMENT_WORDS)}"
            message = f"'query_comment' knows no {{{word}}}"
            yield Problem("PRF003", message, at, hint or listed)


def spoken_elsewhere(dialect: str, target: Target, own: Mapping[str, str]) -> dict[str, str]:
    """Engine -> the dialect that it speaks, where that is not the project's; the target's own is called "".

    `own`: engines whose assets are written in their own dialect.
    """
    engines = {"": target} | {name: each for name, each in target.engines.items() if each}
    spoken = {name: usual_dialect(each) for name, each in engines.items() if name not in own}
    return {name: each for name, each in spoken.items() if each != dialect}


def usual_dialect(target: Target) -> str:
    """The dialect that the target's engine speaks; its own name where no parser knows it.

    >>> usual_dialect(Target("prod", "sqlalchemy", options={"url": "postgresql+psycopg://db/shop"}))
    'postgres'
    """
    url = target.options.get("url")
    named = re.split(r"[+:]", url)[0] if isinstance(url, str) and "://" in url else target.engine
    return dialect_named(named) or dialect_named(target.engine) or target.engine
