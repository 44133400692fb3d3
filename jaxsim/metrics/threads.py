"""Linear algebra of several layers at a time, each by one thread."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

from jaxsim_kernels.host.machine_code import n_workers, shared
from threadpoolctl import ThreadpoolController

Item = TypeVar("Item")
Found = TypeVar("Found")


def one_thread_each(n: int, part: Callable[[int, int], None]) -> None:
    """Shares numbers below n among the cores, each of which does its linear algebra alone.

    Decompositions of a few hundred rows are many small steps, at the end of each of which all threads of one
    decomposition wait for each other; as many decompositions as there are cores do not wait.

    Args:
        n: How many numbers.
        part: Does those from the first argument to before the second.

    Example:
        >>> done = []
        >>> one_thread_each(3, lambda first, last: done.extend(range(first, last)))
        >>> sorted(done)
        [0, 1, 2]
    """
    with _libraries().limit(limits=1, user_api="blas"):
        shared(n, part)


def of_each(function: Callable[[Item], Found], items: Sequence[Item], together: bool = True) -> list[Found]:
    """What a function gives of each item, of as many at a time as there are cores.

    Args:
        function: Does linear algebra.
        items: What it is called with.
        together: False, where memory holds what one call needs and no more, calls it for one after the other, with all
            cores; so does a single item.

    Returns:
        In the order of the items.

    Example:
        >>> of_each(lambda size: size**2, [1, 2, 3])
        [1, 4, 9]
    """
    if not together or min(len(items), n_workers()) < 2:
        return [function(item) for item in items]
    found: list[Any] = [None] * len(items)

    def part(first: int, last: int) -> None:
        for number in range(first, last):
            found[number] = function(items[number])

    one_thread_each(len(items), part)
    return found


@cache
def _libraries() -> ThreadpoolController:
    """What does linear algebra in this process; looking for it takes some milliseconds."""
    return ThreadpoolController()
