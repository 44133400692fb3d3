"""Sample ids that lie in a file of their own."""

import csv
import io
from pathlib import Path
from typing import Any

from jaxsim.arguments import shown
from jaxsim.files import check_commas, parse_json, read_array, read_regular
from jaxsim.sample_ids import ID_KEYS

SUFFIXES = (".txt", ".csv", ".tsv", ".json", ".npy")


def read_id_file(path: Path) -> list[Any]:
    r"""The ids of a file: a line each in `.txt`, a list in `.json`, an array in `.npy`, a column in `.csv` and `.tsv`.

    Args:
        path: The file. Of a table it is the column `sample_id`, `id` or the like, or its only one; the first line
            names the columns.

    Raises:
        ValueError: If there is none, or it is something else.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "ids.txt"
        >>> _ = file.write_text("cat\ndog\n")
        >>> read_id_file(file)
        ['cat', 'dog']
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"expected ids in a file ending in {', '.join(SUFFIXES)}, got {path}")
    try:
        if suffix == ".npy":
            return read_array(path).tolist()
        content = read_regular(path)
        if suffix == ".json":
            found = parse_json(content)
        else:
            text = content.decode("utf-8-sig")
            found = text.splitlines() if suffix == ".txt" else _column(text, "\t" if suffix == ".tsv" else ",")
    except (OSError, ValueError, csv.Error) as error:
        raise ValueError(f"cannot read the ids in {path}: {shown(str(error))}") from error
    if not isinstance(found, list):
        raise ValueError(f"expected a list of ids in {path}, got {shown(found)}")
    return found


def _column(text: str, delimiter: str) -> list[str]:
    head, *rows = list(csv.reader(io.StringIO(text), delimiter=delimiter)) or [[]]
    named = next((key for key in ID_KEYS if key in head), head[0] if len(head) == 1 else None)
    if named is None or (len(head) == 1 and delimiter == ","):
        check_commas(text.splitlines())
    if named is None:
        raise ValueError(f"expected a column {', '.join(ID_KEYS)}, or a single one, got {', '.join(head)}")
    place = head.index(named)
    short = next((line for line, row in enumerate(rows, start=2) if row and len(row) <= place), None)
    if short is not None:
        raise ValueError(f"line {short} has no column {named}")
    return [row[place] for row in rows if row]
