"""The call of a function as a line of Python, for the record of how a study was made."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxsim.features import FeatureSet
from jaxsim.names import printable

#: Entries of a list that are written out.
MOST_ENTRIES = 24


@dataclass(frozen=True)
class Call:
    """A call of a function.

    Attributes:
        function: Its name.
        first: Its first argument.
        named: Its arguments by name.
    """

    function: str
    first: Any
    named: Mapping[str, Any]

    def text(self) -> str:
        """The call as it could be typed; what has no short text, such as arrays and live models, is named by its kind.

        Arguments have been checked: not every value can be written out.

        Example:
            >>> Call("jaxsim.compare", ["embedded:vit_digits", object()], {"images": "digits", "k": (1, 10)}).text()
            "jaxsim.compare(['embedded:vit_digits', <object>], images='digits', k=(1, 10))"
        """
        arguments = [_told(self.first), *(f"{name}={_told(value)}" for name, value in self.named.items())]
        return printable(f"{self.function}({', '.join(arguments)})")


def _told(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    if isinstance(value, os.PathLike):
        return repr(str(os.fspath(value)))
    if isinstance(value, FeatureSet):
        return f"<features of {len(value)} steps>"
    if isinstance(value, Mapping) and len(value) <= MOST_ENTRIES:
        return f"{{{', '.join(f'{_told(key)}: {_told(each)}' for key, each in value.items())}}}"
    if isinstance(value, list | tuple) and len(value) <= MOST_ENTRIES:
        inside = ", ".join(map(_told, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside},)" if len(value) == 1 else f"({inside})"
    shape = getattr(value, "shape", None)
    size = f" {list(shape)}" if isinstance(shape, tuple) else f" of {len(value)}" if isinstance(value, Sequence) else ""
    return f"<{type(value).__name__}{size}>"
