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


def print_table(
    console: Console, title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, whole_names: bool = False
) -> None:
    """Prints a title, a table and an empty line.

    Args:
        console: Where to; anything but a terminal gets plain ASCII lines.
        title: Above the table.
        columns: Headings; the first column and those that start with "<" are text, the others numbers.
        rows: Cells.
        whole_names: Whether the first column is never broken, so that it can be copied.
    """
    table = Table(box=SIMPLE_HEAD if console.is_terminal else ASCII2, show_edge=False)
    for i, column in enumerate(columns):
        text = i == 0 or column.startswith("<")
        table.add_column(
            Text(_shown(console, column.removeprefix("<"))),
            justify="left" if text else "right",
            overflow="fold",
            no_wrap=whole_names and i == 0,
        )
    for row in rows:
        table.add_row(*(Text(_shown(console, cell)) for cell in row))
    console.print(_shown(console, title), style="bold", markup=False)
    console.print(table)
    console.print()


def print_lines(console: Console, lines: Iterable[str]) -> None:
    """Prints lines as they are: no markup, and no line breaks of its own, which would cut paths."""
    for line in lines:
        console.print(_shown(console, line), markup=False, soft_wrap=True)
