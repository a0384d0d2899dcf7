"""The table of docs/engines.md that says where an engine falls short, made from the marks in the tests."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
PART = re.compile(r"(<!-- shortfalls -->\n).*?(<!-- /shortfalls -->)", re.DOTALL)


def with_shortfalls(text: str, tests: Path = TESTS) -> str:
    """The page with its table as the marks are now."""
    rows = sorted({f"| {engine} | {reason} |\n" for engine, reason in _marks(tests)})
    head = "| engine | what falls short |\n|---|---|\n"
    table = head + "".join(rows) if rows else "No test is marked.\n"
    return PART.sub(lambda found: f"{found[1]}{table}{found[2]}", text)


def _marks(tests: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(tests.rglob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "notyet" in text:
            yield from _in_module(ast.parse(text))


def _in_module(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if named and node.func.id == "notyet":
            engine, reason = (ast.literal_eval(argument) for argument in node.args)
            if engine != "plain":  # only tests build there
                yield engine, reason
