"""Blocks of code in Markdown pages, page by page.

A page's blocks of Python run in order and share their names, as a reader would type them. What a page needs and does
not show stands in a comment that begins with `<!-- setup`; `<!-- slow -->` in a page marks its test, and
`<!-- not run: why -->` before a block leaves it out.
"""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
_BLOCK = re.compile(
    r"^<!-- setup\n(?P<setup>.*?)^-->$"
    r"|(?P<why>^<!-- not run: [^\n]+ -->\n)?^(?P<indent> *)```python[^\n]*\n(?P<code>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Snippet:
    """A block of code.

    Attributes:
        line: Where it begins in its page, from 1.
        code: What it says.
    """

    line: int
    code: str


def snippets(text: str) -> list[Snippet]:
    """What of a page is run, in order."""
    found = []
    for each in _BLOCK.finditer(text):
        group = "code" if each["setup"] is None else "setup"
        if each["why"] is None:
            line = text.count("\n", 0, each.start(group)) + 1
            found.append(Snippet(line, re.sub(rf"^{each['indent'] or ''}", "", each[group], flags=re.MULTILINE)))
    return found


def run(page: Path) -> dict[str, object]:
    """Runs a page's snippets, in the folder that is the current one; errors show the page's own lines."""
    names: dict[str, object] = {"__name__": "__main__"}
    for each in snippets(page.read_text(encoding="utf-8")):
        program = compile("\n" * (each.line - 1) + each.code, str(page), "exec")
        exec(program, names)
    return names


def pages() -> list[Path]:
    """All pages with something to run."""
    return [
        path for path in (ROOT / "README.md", *sorted(DOCS.rglob("*.md"))) if snippets(path.read_text(encoding="utf-8"))
    ]


def is_slow(page: Path) -> bool:
    """Whether a page takes long."""
    return "<!-- slow -->" in page.read_text(encoding="utf-8")
