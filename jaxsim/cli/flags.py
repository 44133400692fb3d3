"""Options by the names that a command line has for them, in messages that name them as Python does."""

from __future__ import annotations

import re

from jaxsim.cli.options import OPTIONS

# Words that stand in sentences, too, such as "groups", are left alone.
_FLAGS = {name: each.on_command_line for name, each in OPTIONS.items() if "_" in name}
# Of the other names nobody needs telling which flag it is, unless they stand in a piece of Python.
_OTHERWISE = [name for name, flag in _FLAGS.items() if flag != f"--{name.replace('_', '-')}"]
_VALUE = r"=(?:'[^']*'|\"[^\"]*\"|\([^)]*\)|[\w.]+)"
_NAMED = re.compile(rf"(?<![\w.-])(?:({'|'.join(_FLAGS)}){_VALUE}|({'|'.join(_OTHERWISE)})\b)(?![\w=-])(?!\s*\(--)")
# A file of settings has the names that Python has.
_IN_FILE = re.compile(r"\S, line \d+: ")


def with_flags(message: str) -> str:
    """A message with the flag behind the options that it names as Python does, once for each.

    Args:
        message: Of an error or a warning.

    Example:
        >>> with_flags("expected n_samples to be an integer; drop_duplicates=True may help")
        'expected n_samples (--samples) to be an integer; drop_duplicates=True (--drop-duplicates) may help'
        >>> with_flags("unless n_splits (--splits) asks for them; of batch_size")
        'unless n_splits (--splits) asks for them; of batch_size'
        >>> with_flags("study.toml, line 3: expected n_samples to be an integer")
        'study.toml, line 3: expected n_samples to be an integer'
    """
    if _IN_FILE.search(message):
        return message
    told: set[str] = set()

    def with_flag(found: re.Match[str]) -> str:
        flag = _FLAGS[found.group(1) or found.group(2)]
        said = found.group(0) if flag in told or f"({flag})" in message else f"{found.group(0)} ({flag})"
        told.add(flag)
        return said

    return _NAMED.sub(with_flag, message)
