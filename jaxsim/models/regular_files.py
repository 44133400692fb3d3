"""Files of a checkpoint: only regular ones are opened, and JSON of any content ends in a value or in a sentence."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

# Far above any configuration or index; what is larger was not written by a library of models.
_LARGEST_JSON = 64 * 2**20
_DEEPEST_JSON = 50


def is_there(path: Path) -> bool:
    """Returns whether there is a regular file at a path (or a link to one).

    Raises:
        ValueError: there is something else, which would be waited for (a pipe), never ends (a device) or cannot be
            read (a directory, a link to nothing).

    Example:
        >>> is_there(Path("no-such-file"))
        False
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        if path.is_symlink():
            raise ValueError(f"{path}: expected a file, got a link to something that is not there") from None
        return False
    except NotADirectoryError:
        return False
    except (OSError, ValueError) as error:
        raise ValueError(f"{path!s:.200}: cannot be looked at: {error}") from error
    if not stat.S_ISREG(mode):
        raise ValueError(f"{path}: expected a regular file, got {_kind(mode)}")
    return True


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFDIR: "a directory",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")


def read_json(path: Path) -> dict[str, Any]:
    """Returns a JSON object from a file.

    Raises:
        ValueError: no regular file, or one that does not hold a JSON object.
    """
    if not is_there(path):
        raise ValueError(f"{path}: no such file")
    size = path.stat().st_size
    if size > _LARGEST_JSON:
        raise ValueError(f"{path}: {size:,} bytes; expected a JSON file of at most {_LARGEST_JSON:,}")
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:  # what is no JSON, no UTF-8, or a number of too many digits
        raise ValueError(f"{path} is not valid JSON: {error}") from error
    except RecursionError:
        raise ValueError(f"{path} is not valid JSON: it is nested too deep to be read") from None
    if _depth(value) > _DEEPEST_JSON:
        raise ValueError(f"{path}: nested more than {_DEEPEST_JSON} deep; expected a configuration or an index")
    if not isinstance(value, dict):
        raise ValueError(f"{path}: expected a JSON object, got {type(value).__name__}")
    return value


def contents(directory: Path, most: int = 8) -> str:
    """Returns what lies in a directory, for messages: a few names, directories with a slash.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> contents(folder)
        'nothing'
        >>> (folder / "metrics").mkdir()
        >>> contents(folder)
        'metrics/'
    """
    try:
        names = sorted(f"{path.name}/" if path.is_dir() else path.name for path in directory.iterdir())
    except OSError as error:
        return f"nothing that could be read ({error.strerror})"
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown(name, 60).strip("'") for name in names[:most]) + more or "nothing"


def shown(value: Any, most: int = 80) -> str:
    """Returns a value from a file as messages show it: its repr, the end left out where it is long.

    Example:
        >>> shown([1, 2]), shown("a" * 1000, 8)
        ('[1, 2]', "'aaaa...")
    """
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _depth(value: Any) -> int:
    """How deep a value is nested, looked at level by level and not much deeper than is allowed."""
    depth, level = 0, [value]
    while level and depth <= _DEEPEST_JSON:
        depth += 1
        parts = [each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list)]
        level = [inner for part in parts for inner in part]
    return depth
