"""Where tables go: a terminal with colours, or a file that stays readable."""

from __future__ import annotations

from rich.box import ASCII2, SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

#: Columns of tables in a file; a terminal has its own width.
FILE_WIDTH = 140


def open_console(*, stderr: bool = False) -> Console:
    """A console on stdout or stderr; no control characters unless it is a terminal."""
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal:
        console = Console(stderr=stderr, highlight=False, width=FILE_WIDTH, color_system=None)
    return console


def new_table(console: Console, title: str, *columns: str) -> Table:
    """A table whose first column is text and whose other columns are numbers.

    Args:
        console: Where it will be printed; anything but a terminal gets plain ASCII lines.
        title: Above the table.
        *columns: Headings; one that starts with "<" is text too.
    """
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD if console.is_terminal else ASCII2,
        show_edge=False,
    )
    for i, column in enumerate(columns):
        text = i == 0 or column.startswith("<")
        table.add_column(column.removeprefix("<"), justify="left" if text else "right", overflow="fold")
    return table
