"""Options by the names that a command line has for them, in messages that name them as Python does."""

from __future__ import annotations

import re

from jaxsim.cli.options import OPTIONS

# Words that stand in sentences, too, such as "groups", are left alone.
_FLAGS = {name: each.on_command_line for name, each in OPTIONS.items() if "_" in name}
_NAMED = re.compile(
    rf"(?<![\w.-])({'|'.join(map(re.escape, _FLAGS))})\b(=(?:'[^']*'|\"[^\"]*\"|\([^)]*\)|[\w.]+))?(?![\w-])(?!\s*\(--)"
)


def with_flags(message: str) -> str:
    """A message with the flag behind every option that it names as Python does, where it does not say the flag.

    Args:
        message: Of an error or a warning.

    Example:
        >>> with_flags("expected n_samples to be an integer; drop_duplicates=True may help")
        'expected n_samples (--samples) to be an integer; drop_duplicates=True (--drop-duplicates) may help'
        >>> with_flags("unless n_splits (--splits) asks for them")
        'unless n_splits (--splits) asks for them'
    """
    return _NAMED.sub(lambda found: f"{found.group(0)} ({_FLAGS[found.group(1)]})", message)
