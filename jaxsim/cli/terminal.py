"""Where tables go: a terminal with colours, or a file that stays readable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.box import ASCII2, SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from jaxsim.names import printable

#: Columns of tables in a file; a terminal has its own width.
FILE_WIDTH = 140
#: No table is wider.
MOST_WIDTH = 10_000
#: What is written for signs that an encoding lacks.
PLAIN_SIGNS = {"±": "+/-", "Δ": "Delta", "→": "->", "−": "-", "…": "..."}


def open_console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr; no control characters unless it is a terminal."""
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console = Console(stderr=stderr, highlight=False, width=FILE_WIDTH, color_system=None)
    return console


def _shown(console: Console, text: str) -> str:
    """A text without control characters, in what the terminal's encoding has (under LC_ALL=C that is ASCII)."""
    text = printable(text)
    try:
        text.encode(console.encoding)
    except (UnicodeEncodeError, LookupError):
        for sign, plain in PLAIN_SIGNS.items():
            text = text.replace(sign, plain)
        return text.encode("ascii", "backslashreplace").decode()
    return text


def print_table(console: Console, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a title, a table and an empty line; no cell is broken or cut, so that names can be copied.

    Args:
        console: Where to; anything but a terminal gets plain ASCII lines.
        title: Above the table.
        columns: Headings; the first column and those that start with "<" are text, the others numbers.
        rows: Cells.
    """
    table = Table(box=SIMPLE_HEAD if console.is_terminal else ASCII2, show_edge=False)
    for i, column in enumerate(columns):
        text = i == 0 or column.startswith("<")
        heading = Text(_shown(console, column.removeprefix("<")))
        table.add_column(heading, justify="left" if text else "right", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(_shown(console, cell)) for cell in row))
    console.print(_shown(console, title), style="bold", markup=False, soft_wrap=True)
    # As wide as it is: a terminal that is narrower wraps whole lines, and breaks no cell.
    wide = console.options.update(width=MOST_WIDTH, max_width=MOST_WIDTH)
    table.width = table.__rich_measure__(console, wide).maximum
    console.print(table, crop=False, soft_wrap=True)
    console.print()


def print_lines(console: Console, lines: Iterable[str]) -> None:
    """Prints lines as they are: no markup, and no line breaks of its own, which would cut paths."""
    for line in lines:
        console.print(_shown(console, line), markup=False, soft_wrap=True)
