"""Dissimilarities that are known already, such as those of brain responses or of people's judgements."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxsim_kernels.centring import chunk_rows
from jaxtyping import Float, Int

from jaxsim.arguments import shown
from jaxsim.rows import SelectedRows

from .inputs import as_representation


@dataclass(frozen=True, eq=False)
class Dissimilarities:
    """A space given by its dissimilarities, not by features.

    Attributes:
        matrix: `[n_samples, n_samples]`, row i the dissimilarities from sample i: not negative, finite. It need not be
            symmetric, and the diagonal is not looked at.
        ids: Ids of the samples, in the order of the rows; None where the order is that of the other spaces.

    Raises:
        ValueError: If the matrix is not square, or holds negative values, NaN or infinity off the diagonal; if there is
            another number of ids or an id twice.

    Example:
        >>> Dissimilarities([[0, 2, 5], [2, 0, 4], [5, 4, 0]]).select([2, 0])[:].tolist()
        [[0.0, 5.0], [5.0, 0.0]]
    """

    matrix: Any
    ids: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Looks once at every value."""
        x = as_representation(self.matrix, "dissimilarities")
        n = x.shape[0]
        if x.shape[1] != n:
            raise ValueError(
                f"expected dissimilarities as a square matrix [n_samples, n_samples], got {list(x.shape)}; a space of "
                "features is given as the array itself"
            )
        object.__setattr__(self, "matrix", x)
        step = chunk_rows(x.shape)
        for start in range(0, n, step):
            chunk = self[start : start + step]
            for bad, what in ((~np.isfinite(chunk), "NaN or infinity"), (chunk < 0, "a negative value")):
                if bad.any():
                    row, column = (int(each) for each in np.argwhere(bad)[0])
                    cure = "; for similarities s give 1 - s" if what == "a negative value" else ""
                    raise ValueError(
                        f"expected dissimilarities that are finite and not negative, but there is {what} between "
                        f"samples {start + row} and {column}{cure}"
                    )
        if self.ids is not None:
            if isinstance(self.ids, str) or not isinstance(self.ids, Iterable):
                raise ValueError(f"expected ids as a sequence with one for each row, got {shown(self.ids)}")
            object.__setattr__(self, "ids", tuple(str(each) for each in self.ids))
            if len(self.ids) != n or len(set(self.ids)) != n:
                raise ValueError(
                    f"expected {n} different ids, one for each row, got {len(self.ids)} of which {len(set(self.ids))} "
                    "differ"
                )

    @property
    def shape(self) -> tuple[int, int]:
        """`(n_samples, n_samples)`."""
        return (int(self.matrix.shape[0]), int(self.matrix.shape[1]))

    @property
    def dtype(self) -> np.dtype:
        """Of the rows that are read."""
        return np.dtype(np.float64)

    def __len__(self) -> int:
        """Number of samples."""
        return self.shape[0]

    def __getitem__(self, rows: slice) -> Float[np.ndarray, "n_rows n_samples"]:
        """Rows, with 0 on the diagonal whatever it holds."""
        chunk = np.array(self.matrix[rows], np.float64)
        chunk[np.arange(len(chunk)), np.arange(self.shape[0])[rows]] = 0
        return chunk

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All of it."""
        return self[:].astype(dtype or self.dtype)

    def select(self, rows: Sequence[int] | Int[np.ndarray, " n"]) -> "Dissimilarities":
        """The dissimilarities between some of the samples, in the order given: rows and columns alike.

        Args:
            rows: Sample indices.

        Raises:
            ValueError: If they are no integers in range, or none.
        """
        at = np.asarray(rows)
        if at.ndim != 1 or at.size == 0 or at.dtype.kind not in "iu" or at.min() < 0 or at.max() >= len(self):
            raise ValueError(f"expected rows as integers from 0 to {len(self) - 1}, at least one, got {shown(rows)}")
        ids = None if self.ids is None else tuple(self.ids[int(i)] for i in at)
        return Dissimilarities(self[:][np.ix_(at, at)], ids)

    @property
    def constant(self) -> bool:
        """Whether all dissimilarities are the same, so that there is nothing to tell samples apart by."""
        off = self[:][~np.eye(len(self), dtype=bool)]
        return bool((off == off[:1]).all())


def select_samples(x: Any, rows: Int[np.ndarray, " n"]) -> Any:
    """Some samples of a layer, in the order given; of dissimilarities along both axes.

    Args:
        x: `[n_samples, n_features]`, or `Dissimilarities`.
        rows: Sample indices.

    Returns:
        A view of the same kind.

    Example:
        >>> select_samples(np.arange(3.0)[:, None], np.array([2, 0]))[:].tolist()
        [[2.0], [0.0]]
    """
    return x.select(rows) if isinstance(x, Dissimilarities) else SelectedRows(x, rows)
