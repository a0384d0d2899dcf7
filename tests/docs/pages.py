"""A Markdown page -> what its examples do when they are run, line by line beside what the page says.

    ```sql title=models/orders.sql     is written to that file of the page's project
    ```console                         `$ command` lines are run; what follows is their output
    ```python                          is executed; a ```text block right after it is what it prints
    <!-- new project -->               begins an empty folder
    <!-- title=seeds/x.csv ... -->     a file that the reader need not see

A command ends with 0 unless its line says `# exit 1`. A line `...` in an output stands for any
lines, and `...` inside a line for any text. Seconds, run ids and instants are not compared, nor the
order in which steps that do not wait for each other ended.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"^```(?P<kind>[a-z]*)(?P<info>[^\n]*)\n(?P<text>.*?)^```$"
    r"|^<!-- title=(?P<hidden>\S+)\n(?P<content>.*?)^-->$"
    r"|^<!-- (?P<new>new project) -->$",
    re.MULTILINE | re.DOTALL,
)
TITLE = re.compile(r"title=(\S+)")
EXIT = re.compile(r"\s+# exit (\d+)$")
STEP = re.compile(r"^ *\d+/\d+  (?=ok|warn|fail|error|skip|split|stop)")
CHANGING = (
    (re.compile(r" *\b\d+\.\d+s\b"), " 0.00s"),
    (re.compile(r"\b\d{8}-\d{6}-[0-9a-f]{6}\b"), "RUN"),
    (re.compile(r"\b20\d\d-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d+)?)?\b"), "INSTANT"),
)


@dataclass(frozen=True, slots=True)
class Block:
    """One thing that a page does, with the place of its text. kind: file, console, python, text, new."""

    kind: str
    text: str
    line: int
    start: int
    end: int
    title: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A `$` line of a console block and the output that the page promises."""

    typed: str
    code: int
    promised: str
    line: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command or of a Python block."""

    line: int
    typed: str
    promised: str
    said: str
    code: int = 0
    wanted: int = 0

    @property
    def as_promised(self) -> bool:
        return self.code == self.wanted and matches(self.promised, self.said)


def pages() -> list[Path]:
    """Every page with examples: the README and docs/*.md."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(text: str) -> list[Block]:
    """The blocks of a page that do something, in order."""
    return [block for found in BLOCK.finditer(text) if (block := _block(found, text))]


def _block(found: re.Match[str], text: str) -> Block | None:
    line = text.count("\n", 0, found.start()) + 1
    if found["new"]:
        return Block("new", "", line, found.start(), found.end())
    if found["hidden"]:
        return Block("file", found["content"], line, *found.span("content"), title=found["hidden"])
    span = found.span("text")
    if title := TITLE.search(found["info"]):
        return Block("file", found["text"], line, *span, title=title[1])
    if found["kind"] in ("console", "python", "text"):
        return Block(found["kind"], found["text"], line, *span)
    return None


def commands(block: Block) -> list[Command]:
    """The commands of a console block; text before the first `$` is a mistake of the page."""
    found: list[list[str]] = []
    lines: list[int] = []
    for number, line in enumerate(block.text.splitlines(), block.line + 1):
        if line.startswith("$ "):
            found.append([line[2:]])
            lines.append(number)
        else:
            found[-1].append(line)
    return [_command(each, line) for each, line in zip(found, lines, strict=True)]


def _command(lines: Sequence[str], number: int) -> Command:
    code = EXIT.search(lines[0])
    typed = EXIT.sub("", lines[0])
    return Command(typed, int(code[1]) if code else 0, "\n".join(lines[1:]).strip("\n"), number)


@dataclass(slots=True)
class Playground:
    """The folder in which a page's examples run. It lives for one page."""

    home: Path
    folder: Path = field(init=False)
    number: int = 0
    names: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """An empty folder, called `shop` as most examples are of one."""
        self.number += 1
        self.folder = self.home / str(self.number) / "shop"
        self.folder.mkdir(parents=True)
        self.names = {"__name__": "page"}

    def outcomes(self, text: str) -> Iterator[Outcome]:
        """Do what the page says, in its order."""
        found = blocks(text)
        for i, block in enumerate(found):
            if block.kind == "new":
                self.begin()
            elif block.kind == "file":
                self.write(block)
            elif block.kind == "python":
                after = found[i + 1 : i + 2]
                printed = after[0].text if after and after[0].kind == "text" else ""
                yield self.execute(block, printed.strip("\n"))
            elif block.kind == "console":
                for command in commands(block):
                    yield self.run(command)

    def write(self, block: Block) -> None:
        path = self.folder / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")

    def run(self, command: Command) -> Outcome:
        words = shlex.split(command.typed)
        if words[0] == "cd":
            self.folder = self.folder / words[1]
            said, code = "", 0
        elif words[0] == "sqlpipes" and not {"|", "&&", ">"} & set(words):
            said, code = sqlpipes(words[1:], self.folder)
        else:
            said, code = shell(command.typed, self.folder)
        typed, promised = command.typed, command.promised
        return Outcome(command.line, typed, promised, said, code, command.code)

    def execute(self, block: Block, printed: str) -> Outcome:
        said = io.StringIO()
        with inside(self.folder), imports_of_its_own(), contextlib.redirect_stdout(said):
            exec(compile(block.text, f"line {block.line}", "exec"), self.names)
        return Outcome(block.line, "python", printed, said.getvalue().rstrip("\n"))


@contextlib.contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder, with an environment in which no profile and no terminal is found."""
    clean = {"HOME": str(folder.parent), "COLUMNS": "100", "NO_COLOR": "1", "USER": "me"}
    before = os.getcwd()
    os.chdir(folder)
    try:
        with mock.patch.dict(os.environ, clean):
            yield
    finally:
        os.chdir(before)


@contextlib.contextmanager
def imports_of_its_own() -> Iterator[None]:
    """What a page puts on the import path, and imports of its own files, ends with its block."""
    before = set(sys.modules)
    with mock.patch.object(sys, "path", [os.getcwd(), *sys.path]):
        yield
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(os.getcwd()):
            del sys.modules[name]


def sqlpipes(words: Sequence[str], folder: Path) -> tuple[str, int]:
    """The console script in this process: what it wrote to both streams, and its exit code."""
    from sqlpipes.cli import main

    said, code = io.StringIO(), 0
    with (
        inside(folder),
        mock.patch.object(sys, "argv", ["sqlpipes", *words]),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else int(bool(stop.code))
    return said.getvalue().strip("\n"), code


def shell(line: str, folder: Path) -> tuple[str, int]:
    """Any other command, in a shell whose `sqlpipes` is the one under test."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with inside(folder):
        ended = subprocess.run(
            ["bash", "-c", line],
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    return ended.stdout.strip("\n"), ended.returncode


def matches(promised: str, said: str) -> bool:
    """Whether an output is what the page promises, by the rules above.

    >>> matches("a\\n...\\nz 0.10s", "a\\nb\\nc\\nz 1.23s"), matches("a ... c", "a b d")
    (True, False)
    """
    pattern = "".join(_pattern(line) for line in steady(promised))
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in steady(said))) is not None


def _pattern(line: str) -> str:
    if line.strip() == "...":
        return r"(?:.*\n)*?"
    return ".*".join(re.escape(part) for part in line.split("...")) + r"\n"


def steady(text: str) -> list[str]:
    """The lines without what differs from run to run; neighbouring steps in the order of their names."""
    for changing, instead in CHANGING:
        text = changing.sub(instead, text)
    lines: list[str] = []
    steps: list[str] = []
    for line in [*text.splitlines(), ""]:
        if STEP.match(line):
            steps.append(STEP.sub("step  ", line))
            continue
        lines += [*sorted(steps), line.rstrip()]
        steps = []
    return lines[:-1] if lines and not lines[-1] else lines
