"""Put the real output of their examples into the pages, and write docs/cli.md from the commands' help.

    python scripts/write_docs.py                      all pages
    python scripts/write_docs.py docs/models.md       some

Only what no longer holds is replaced: an output with `...` in it that still fits stays as it is.
Read the difference before you keep it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from docs.cli_page import cli_page  # noqa: E402
from docs.engines_page import with_shortfalls  # noqa: E402
from docs.pages import Block, Outcome, Playground, blocks, commands, pages  # noqa: E402


def main(names: list[str]) -> None:
    chosen = [Path(name).resolve() for name in names] or pages()
    for page in chosen:
        if page.name == "cli.md":
            page.write_text(cli_page(), encoding="utf-8")
            continue
        text = page.read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            outcomes = list(Playground(Path(folder)).outcomes(text))
        wrong = [outcome for outcome in outcomes if not outcome.as_promised]
        for outcome in wrong:
            print(f"{page.relative_to(ROOT)}:{outcome.line}: {outcome.typed}")
            if outcome.code != outcome.wanted:
                print(f"    exit {outcome.code}, the page says {outcome.wanted}")
        text = with_shortfalls(_with_outputs(text, {o.line: o for o in outcomes}))
        page.write_text(text, encoding="utf-8")


def _with_outputs(text: str, outcomes: dict[int, Outcome]) -> str:
    parts, at = [], 0
    for block, new in _replaced(blocks(text), outcomes):
        parts += [text[at : block.start], new]
        at = block.end
    return "".join([*parts, text[at:]])


def _replaced(found: list[Block], outcomes: dict[int, Outcome]) -> Iterator[tuple[Block, str]]:
    for before, block in zip([None, *found], found, strict=False):
        if block.kind == "console":
            yield block, _console(block, outcomes)
        elif block.kind == "text" and before is not None and before.kind == "python":
            outcome = outcomes[before.line]
            if not outcome.as_promised:
                yield block, f"{outcome.said}\n"


def _console(block: Block, outcomes: dict[int, Outcome]) -> str:
    typed = block.text.splitlines()
    lines: list[str] = []
    for command in commands(block):
        outcome = outcomes[command.line]
        said = outcome.promised if outcome.as_promised else outcome.said
        lines.append(typed[command.line - block.line - 1])
        lines += [said] if said else []
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(sys.argv[1:])
