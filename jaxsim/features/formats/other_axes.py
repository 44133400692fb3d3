"""Arrays that are no rows of features as they are."""

from collections.abc import Callable
from typing import Any

import numpy as np


class NotRows:
    """An array of another number of axes than two: not read unless it is asked for.

    Args:
        shape: Of the array.
        dtype: Of the array.
        read: Returns all of it.

    Attributes:
        shape: Of the array.
        dtype: Of the array.

    Example:
        >>> NotRows((3,), np.int64, lambda: np.arange(3))[1:].tolist()
        [1, 2]
    """

    def __init__(self, shape: tuple[int, ...], dtype: Any, read: Callable[[], np.ndarray]) -> None:
        self.shape, self.dtype, self._read = tuple(shape), np.dtype(dtype), read

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, index: Any) -> np.ndarray:
        return self._read()[index]
