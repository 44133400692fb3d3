"""Tables of texts, whose cells are separated by commas, and what is said where they are not."""

import csv
from collections.abc import Sequence

#: What other programs write between cells, and what it is called.
OTHERS = {";": "semicolons", "\t": "tabs"}


def read_cells(text: str) -> list[list[str]]:
    r"""The cells of every line, without the space around them.

    Args:
        text: Lines of cells separated by commas; a cell in double quotes may hold anything.

    Raises:
        ValueError: A line cannot be split, or all are of one cell and seem to be separated by something else.

    Example:
        >>> read_cells("a, 1\nb,2\n")
        [['a', '1'], ['b', '2']]
        >>> read_cells("a;1\nb;2\n")
        Traceback (most recent call last):
        ...
        ValueError: its lines look separated by semicolons; expected commas, such as a,1
    """
    lines = text.rstrip().splitlines()
    cells = [[cell.strip() for cell in row] for row in _split(lines, ",")]
    if all(len(row) <= 1 for row in cells):
        check_commas(lines)
    return cells


def check_commas(lines: Sequence[str]) -> None:
    """Refuses lines that look separated by semicolons or tabs: each has as many, and at least one.

    Args:
        lines: Of a table that could not be read with commas.

    Raises:
        ValueError: Says what they look separated by, and what is expected.

    Example:
        >>> check_commas(["red;blue", "green"])
    """
    filled = [line for line in lines if line.strip()]
    for separator, called in OTHERS.items():
        rows = _split(filled, separator)
        if rows and {len(row) for row in rows} == {len(rows[0])} and len(rows[0]) > 1:
            example = ",".join(cell.strip() for cell in rows[0])
            raise ValueError(f"its lines look separated by {called}; expected commas, such as {example:.40}")


def _split(lines: Sequence[str], separator: str) -> list[list[str]]:
    try:
        return list(csv.reader(lines, delimiter=separator))
    except csv.Error as error:
        raise ValueError(str(error)) from error
