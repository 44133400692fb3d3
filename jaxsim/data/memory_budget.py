"""Memory that threads share: who needs more than is left waits for the others."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class MemoryBudget:
    """A number of bytes, parts of which are taken and given back.

    Args:
        total: All there is.

    Example:
        >>> budget = MemoryBudget(100)
        >>> with budget.taken(60):
        ...     budget.left
        40
    """

    def __init__(self, total: int):
        self.total = total
        self.left = total
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, count: int) -> Iterator[None]:
        """Takes a part for as long as the block lasts, and waits until it is there.

        Args:
            count: How many bytes; more than the total counts as all of it.
        """
        count = min(count, self.total)
        with self._changed:
            self._changed.wait_for(lambda: self.left >= count)
            self.left -= count
        try:
            yield
        finally:
            with self._changed:
                self.left += count
                self._changed.notify_all()
