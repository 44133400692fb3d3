"""How mkdocstrings reads the docstrings: `Example:` is a section with code, as `Examples:` is."""

import re
from typing import Any

from griffe import Extension


class Examples(Extension):
    """Gives sections of one example the name by which they are known to hold code."""

    def on_object(self, *, obj: Any, **_: Any) -> None:
        """Renames the section; called for every object that is read."""
        if obj.docstring is not None:
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", obj.docstring.value, flags=re.MULTILINE)
