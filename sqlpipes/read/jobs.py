"""Entries of `jobs:` -> Jobs, each fault at its key or value in the user's file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlpipes.core.cron import cron_fault
from sqlpipes.core.errors import Location, Problem, Severity, did_you_mean, near_or_all
from sqlpipes.core.job import (
    ALL,
    EVERY,
    Hook,
    Hooks,
    Job,
    JobOp,
    SliceRule,
    is_reserved,
    slice_rule,
)
from sqlpipes.core.partitions import is_zone, zone_names
from sqlpipes.read.braces import Asked, Names, fill, has_braces
from sqlpipes.read.cache import Cache
from sqlpipes.read.job_ops import job_op, op_faults
from sqlpipes.read.labels import owners
from sqlpipes.read.marked import Node
from sqlpipes.read.settings import count, flag, text, texts, wrong

BUILDS = ("select", "exclude", "selector", "vars", "partition", "full_refresh")
KEYS = (
    *("name", "description", "owner", "tags", *BUILDS, "target", "op", "args"),
    *("cron", "timezone", "catch_up", "enabled", "on_success", "on_failure"),
)
MEANT = {
    "schedule": "write it as `cron:`",
    "selection": "write it as `select:`",
    "partitions": "write it as `partition:`",
    "hooks": "write them as `on_success:` and `on_failure:`",
}
TARGET, EMPTY, NAMED = "JOB011", "JOB014", "JOB015"
HOOKS = ("on_success", "on_failure")
HOOK_KEYS = ("command", "webhook", "timeout_s", "retries")


def read_jobs(
    nodes: Iterable[Node],
    root: str,
    names: Names,
    problems: list[Problem],
    cache: Cache | None = None,
    targets: Sequence[str] = (),
) -> list[Job]:
    """The jobs in the order in which they are written; of two with one name the first, and CFG003.

    `targets`: those of the profile, as far as there is one. Without a `cache` no op's file is looked at.
    """
    found: dict[str, Job] = {}
    for node in nodes:
        job = _Reader(node, root, names, problems, cache, targets).job()
        before = found.setdefault(job.name, job)
        if before is not job:
            message = f"the job '{job.name}' is defined twice"
            others = (before.at,) if before.at else ()
            problems.append(Problem("CFG003", message, job.at, others=others))
    return list(found.values())


def read_hooks(node: Node, root: str, names: Names, problems: list[Problem]) -> Hooks:
    """`on_success` and `on_failure` of the project file."""
    said = {key: node.value[key] for key in HOOKS if node.get(key)}  # type: ignore[call-overload, index]
    reader = _Reader(node.with_value(said), root, names, problems, None, ())
    return Hooks(reader.hooks("on_success"), reader.hooks("on_failure"))


class _Reader:
    """The work of reading one entry."""

    def __init__(
        self,
        raw: Node,
        root: str,
        names: Names,
        problems: list[Problem],
        cache: Cache | None,
        targets: Sequence[str],
    ) -> None:
        self.cache = cache
        self.targets = targets
        self.raw = raw
        self.root = root
        self.names = names
        self.problems = problems
        self.node = raw.with_value(
            {
                key: below.value if key.startswith("on_") else fill(below, names, problems).value
                for key, below in raw.entries()
            }
        )

    def job(self) -> Job:
        self.keys(self.node, KEYS, "a job", MEANT)
        get, problems = self.node.get, self.problems
        zone = self.zone(get("timezone"))
        job = Job(
            name=self.name(get("name")),
            select=self.chosen("select"),
            exclude=self.chosen("exclude"),
            selector=text(get("selector"), problems) or None,
            vars=self.mapping(get("vars")),
            target=self.target(get("target")),
            partition=self.rule(get("partition")),
            full_refresh=flag(get("full_refresh"), False, problems),
            cron=self.cron(get("cron")),
            timezone=zone,
            catch_up=self.catch_up(get("catch_up")),
            enabled=flag(get("enabled"), True, problems),
            on_success=self.hooks("on_success"),
            on_failure=self.hooks("on_failure"),
            description=text(get("description"), problems),
            owners=owners(get("owner"), problems),
            tags=texts(get("tags"), problems),
            op=self.op(get("op")),
            at=(get("name") or self.node).at,
            places=self.places(),
        )
        return self.alone(job)

    def alone(self, job: Job) -> Job:
        """Keys that say nothing together."""
        if job.op is None:
            self.refuse(("args",), "'args' is what an op is called with", "name it with `op:`")
        else:
            self.refuse(BUILDS, "a job with an op builds nothing", "make it two jobs")
        if self.node.get("cron") is None:
            hint = "add `cron:`, such as '0 6 * * *'"
            self.refuse(("timezone", "catch_up"), "a job without `cron:` is never due", hint)
        return job

    def refuse(self, keys: Sequence[str], message: str, hint: str) -> None:
        for key in keys:
            if (node := self.node.get(key)) is not None:
                self.problems.append(Problem("CFG002", message, node.key_at, hint))

    def keys(
        self, node: Node, known: Sequence[str], what: str, meant: dict[str, str] | None = None
    ) -> None:
        for key, below in node.entries():
            if key not in known:
                hint = (meant or {}).get(key) or did_you_mean(key, known)
                hint = hint or "known: " + ", ".join(known)
                message = f"{what} has no key '{key}'"
                self.problems.append(Problem("CFG001", message, below.key_at, hint))

    def mapping(self, node: Node | None) -> dict[str, Any]:
        if node is None:
            return {}
        if isinstance(node.value, dict):
            return node.value
        self.problems.append(wrong(node, "a mapping of names to values"))
        return {}

    def rule(self, node: Node | None) -> SliceRule:
        said = text(node, self.problems)
        try:
            return slice_rule(said)
        except ValueError as error:
            assert node is not None  # nothing said is a sound rule
            self.problems.append(Problem("JOB003", str(error), node.at))
            return EVERY

    def cron(self, node: Node | None) -> str:
        said = text(node, self.problems)
        if node is None or isinstance(node.value, (list, dict)):
            return ""  # told as what it is not
        fault = cron_fault(said)
        if fault is None:
            return said.strip()
        at = replace(inside(node, fault.start), length=fault.length)
        self.problems.append(Problem("JOB001", fault.message, at, fault.hint))
        return ""

    def zone(self, node: Node | None) -> str:
        said = text(node, self.problems) or "UTC"
        if node is None or is_zone(said):
            return said
        hint = did_you_mean(said, zone_names()) or "write it as in Europe/Berlin"
        self.problems.append(Problem("JOB002", f"there is no timezone '{said}'", node.at, hint))
        return "UTC"

    def catch_up(self, node: Node | None) -> int:
        if node is not None and node.value == "all":
            return ALL
        found = None if node is None else node.value
        if isinstance(found, str) or (isinstance(found, int) and found > ALL):
            assert node is not None
            self.problems.append(wrong(node, f"a whole number from 1 to {ALL}, or all"))
            return 1
        return count(node, self.problems, least=1) or 1

    def hooks(self, key: str) -> tuple[Hook, ...]:
        node = self.raw.get(key)
        found = [self.hook(item) for item in (node.items() if node else ())]
        return tuple(hook for hook in found if hook is not None)

    def hook(self, raw: Node) -> Hook | None:
        """None for one that is wrong, and for a webhook whose URL turned out empty: not here."""
        if not isinstance(raw.value, dict):
            self.problems.append(wrong(raw, "`command: ...` or `webhook: URL`"))
            return None
        self.keys(raw, HOOK_KEYS, "a hook", {"url": "write it as `webhook:`"})
        environ = Asked(self.names.environ)
        node = fill(raw, replace(self.names, environ=environ), self.problems)
        command, url = node.get("command"), node.get("webhook")
        if (command is None) == (raw.get("webhook") is None):
            message = "a hook is either a `command:` or a `webhook:`"
            self.problems.append(Problem("CFG002", message, raw.at))
            return None
        seconds = node.get("timeout_s")
        tries = count(node.get("retries"), self.problems)
        hook = Hook(
            timeout_s=30.0 if seconds is None else self.seconds(seconds),
            retries=2 if tries is None else tries,
            at=raw.at,
            secrets=tuple(each for each in environ.values_asked if each),
        )
        if command is not None:
            return self.command(hook, command, raw)
        return self.webhook(hook, url, raw) if url is not None else None

    def command(self, hook: Hook, node: Node, raw: Node) -> Hook | None:
        written = raw.get("command")
        shown = written.value if written else node.value
        if isinstance(node.value, list):
            words = tuple(text(item, self.problems) for item in node.items())
            shown = " ".join(str(word) for word in shown) if isinstance(shown, list) else ""
            return replace(hook, command=words, shown=shown) if words and all(words) else None
        said = text(node, self.problems)
        return replace(hook, command=said, shown=str(shown)) if said else None

    def webhook(self, hook: Hook, node: Node, raw: Node) -> Hook | None:
        said = text(node, self.problems)
        if not said or "{{" in said:
            return None  # told already, or an env_var that is empty here
        parts, written = urlsplit(said), raw.get("webhook")
        if parts.scheme not in ("http", "https") or not parts.netloc:
            hint = "write it as https://host/path"
            at = (written or node).at
            self.problems.append(
                Problem("CFG002", "this webhook is no http or https URL", at, hint)
            )
            return None
        shown = f"{parts.scheme}://{parts.hostname}/..."
        if written is not None and has_braces(written.value):
            shown = str(written.value)
        password = (unquote(parts.password),) if parts.password else ()
        return replace(hook, url=said, shown=shown, secrets=(*hook.secrets, *password))

    def seconds(self, node: Node) -> float:
        value = node.value
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0:
            return float(value)
        self.problems.append(wrong(node, "a number of seconds above 0"))
        return 30.0

    def op(self, node: Node | None) -> JobOp | None:
        said = text(node, self.problems)
        if node is None or not said:
            return None
        args = self.node.get("args")
        self.mapping(args)
        found = job_op(said, node, args, self.root, self.problems)
        if self.cache is not None:
            self.problems += op_faults(found, node, args, self.root, self.cache)
        return found

    def name(self, node: Node | None) -> str:
        """Its name, told when nobody could call it by that, or when others go by it."""
        said = text(node, self.problems)
        if node is not None and not said.strip():
            self.problems.append(Problem(NAMED, "a job needs a name", node.at))
        if is_reserved(said):
            message = f"no job can be called '{said}': what is built by itself is known by that"
            self.problems.append(
                Problem(NAMED, message, (node or self.node).at, "name it otherwise")
            )
        return said

    def chosen(self, key: str) -> tuple[str, ...]:
        """Expressions of a selection. One that is empty would select everything."""
        node = self.node.get(key)
        for item in node.items() if node else ():
            if isinstance(item.value, str) and not item.value.strip():
                what = f"this '{key}' is empty"
                hint = (
                    f"leave '{key}' out for everything, or mend the variable that it is made from"
                )
                self.problems.append(Problem(EMPTY, what, item.at, hint))
        return texts(node, self.problems)

    def target(self, node: Node | None) -> str | None:
        said = text(node, self.problems) or None
        if node is not None and said and self.targets and said not in self.targets:
            message = f"there is no target '{said}' in the profile, so it is never due here"
            hint = near_or_all(said, self.targets, "")
            told = Problem(TARGET, message, node.at, hint, Severity.WARNING)
            self.problems.append(told)
        return said

    def places(self) -> dict[str, tuple[Location, ...]]:
        found = {}
        for key in ("select", "exclude", "selector"):
            node = self.node.get(key)
            items = node.items() if node else ()
            found[f"--{key}"] = tuple(inside(item, 0) for item in items if item.value)
        rule = self.node.get("partition")
        if rule is not None:
            found["--partition"] = found["--last"] = (inside(rule, 0),)
        zone = self.node.get("timezone") or self.node.get("cron") or self.node
        return found | {"timezone": (zone.at,)}


def inside(node: Node, offset: int) -> Location:
    """A place in the text of a value: a quote before it is none of it."""
    at, said = node.at, str(node.value)
    quote = 1 if at.length == len(said) + 2 else 0
    return replace(at, column=at.column + quote + offset, length=max(len(said) - offset, 1))
