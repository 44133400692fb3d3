"""Warnings of the decoder get the name of the picture."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from jaxsim.warn import warn

_lock = threading.Lock()
_local = threading.local()
_depth = 0
_before: Any = warnings.showwarning
_filter: Any = None


@contextmanager
def warnings_of(picture: str) -> Iterator[None]:
    """Names the picture in what Pillow warns of in this thread, once for each text, at the end of the block.

    Several threads decode at a time, and `warnings.catch_warnings` is for one: while any of them is at it, a hook sorts
    what is shown by thread, and hands on what comes from others. What was warned of goes the usual way afterwards,
    under the filters of the caller.

    Args:
        picture: Its name.

    Example:
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     with warnings_of("a.png"):
        ...         warnings.warn_explicit("odd tag", UserWarning, "x.py", 1, module="PIL.TiffImagePlugin")
        >>> str(caught[0].message)
        'odd tag (in a.png)'
    """
    global _depth, _before, _filter
    outer, _local.found = getattr(_local, "found", None), []
    with _lock:
        if _depth == 0:
            _before = warnings.showwarning
            warnings.showwarning = _sorted
            # Neither an error, which would pass for damage, nor once only, which would name the first picture alone.
            warnings.filterwarnings("always", module=r"PIL\.")
            _filter = warnings.filters[0]
        _depth += 1
    try:
        yield
    finally:
        found, _local.found = _local.found, outer
        with _lock:
            _depth -= 1
            if _depth == 0:
                if warnings.showwarning is _sorted:
                    warnings.showwarning = _before
                if _filter in warnings.filters:
                    warnings.filters.remove(_filter)  # pyright: ignore[reportAttributeAccessIssue]
    for text, category in dict.fromkeys(found):
        warn(f"{text} (in {picture})", category)


def _sorted(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    """Keeps what the decoder of this thread says; what other code says is shown as before."""
    found = getattr(_local, "found", None)
    if found is None:
        _before(message, category, filename, lineno, file, line)
    else:
        found.append((str(message), category))
