r"""Names as they are shown: of files, folders, models and samples, which may hold any bytes.

A name from a disk may be no UTF-8 (Python keeps such bytes as lone surrogates, which no file and no page can hold) and
may hold control characters, which would reach the terminal and are not allowed in SVG.
"""

import re

# Control characters, surrogates, and what turns or hides text: line and paragraph separators, bidirectional controls.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]"
)


def printable(text: str, *, keep: str = "") -> str:
    r"""Returns a text in which what cannot be printed is written as an escape; other text is left as it is.

    Args:
        text: Any text, with lone surrogates too.
        keep: Characters that stay, such as line breaks.

    Returns:
        Text that UTF-8, HTML and XML can hold.

    Example:
        >>> printable("caf\udce9 \x1b[31m"), printable("café")
        ('caf\\xe9 \\x1b[31m', 'café')
    """
    if text.isascii() and text.isprintable():
        return text
    return _UNPRINTABLE.sub(lambda found: found[0] if found[0] in keep else _escaped(found[0]), text)


def printable_json(value: object) -> object:
    """Returns a JSON value with all its texts printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {printable(str(key)): printable_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [printable_json(each) for each in value]
    return value


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


COLUMN = "column:"
"""Begins a text that names a column of the images, such as `column:folder`."""


def names_column(given: object) -> bool:
    """Whether labels or groups are given as the name of a column of the images.

    Example:
        >>> names_column("column:folder"), names_column("near_duplicates"), names_column(["a", "b"])
        (True, False, False)
    """
    return isinstance(given, str) and given.startswith(COLUMN)
