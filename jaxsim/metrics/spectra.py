"""Eigenvalues of the covariance of a representation, from the smaller of its two Gram matrices."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxsim_kernels.centring import centre_of, centred, chunks
from jaxsim_kernels.host.machine_code import n_workers
from jaxsim_kernels.prepare import traced_layer
from jaxtyping import Float
from scipy.linalg import eigvalsh

from .threads import of_each

_BLOCK_BYTES, _TOGETHER_BYTES = 1 << 28, 1 << 30

Read = Callable[[], Iterator[np.ndarray]]


def spectra_of(x: Any, samples: np.ndarray | None = None) -> Float[np.ndarray, " n_eigenvalues"]:
    """Eigenvalues of `X^T X` of features about their mean, as shares of their sum, in float64.

    Rows are read some at a time. In memory are the smaller of the two Gram matrices, `[n_features, n_features]` or
    `[n_samples, n_samples]`, and 512 MB at most beside it.

    Args:
        x: `[n_samples, n_features]` with `shape`, `dtype` and row slices.
        samples: Which samples to take; None for all.

    Returns:
        The `min(n_samples - 1, n_features)` largest, largest first. They are right to a few 1e-16 of the largest, and
        those that this rounding may be all of, below 2.2e-16 times the width of the Gram matrix, are 0. All are 0 where
        no feature varies.

    Example:
        >>> spectra_of(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])).tolist()
        [1.0, 0.0]
    """
    n_features = x.shape[1]
    taken = np.ones(x.shape[0], bool)
    if samples is not None:
        taken[:] = False
        taken[samples] = True
    n_samples = int(taken.sum())

    def read_taken() -> Iterator[tuple[slice, np.ndarray]]:
        for rows, chunk in chunks(x):
            if taken[rows].any():
                yield rows, chunk if samples is None else chunk[taken[rows]]

    centre = centre_of(read_taken)
    # About the mean to the last bit: what is left of it would be an eigenvalue of its own.
    mean = np.zeros(n_features)
    for _, chunk in read_taken():
        mean += centred(chunk, centre).sum(0) / n_samples

    def read() -> Iterator[np.ndarray]:
        for _, chunk in read_taken():
            yield centred(chunk, centre) - mean

    gram = _of_samples(read, n_samples, n_features) if n_samples <= n_features else _of_features(read, n_features)
    values = eigvalsh(gram, overwrite_a=True)[::-1][: min(n_samples - 1, n_features)]
    rounding = np.finfo(np.float64).eps * len(gram) * max(values[0], 0)
    values = np.where(values > rounding, values, 0)
    return values / (values.sum() or 1.0)


def spectra_of_all(
    layers: Sequence[Any], samples: np.ndarray | None = None
) -> tuple[Float[np.ndarray, " n_eigenvalues"], ...]:
    """The same of several layers, as many at a time as there are cores where their Gram matrices take little memory.

    Example:
        >>> [found.tolist() for found in spectra_of_all([np.eye(2), np.eye(2)])]
        [[1.0], [1.0]]
    """
    n_samples = layers[0].shape[0] if samples is None else len(samples)
    largest = max(min(n_samples, x.shape[1]) for x in layers)
    # Decompositions of large ones keep all cores busy by themselves.
    return tuple(of_each(lambda x: spectra_of(x, samples), layers, n_workers() * 16 * largest**2 <= _TOGETHER_BYTES))


def _of_features(read: Read, n_features: int) -> np.ndarray:
    gram = np.zeros((n_features, n_features))
    for chunk in read():
        gram += chunk.T @ chunk
    return gram


def _of_samples(read: Read, n_samples: int, n_features: int) -> np.ndarray:
    """Products of all samples; the rows are read again for each of the blocks that hold them all."""
    gram = np.zeros((n_samples, n_samples))
    at = 0
    for block in _joined(read(), max(1, _BLOCK_BYTES // (8 * n_features))):
        rows, start = slice(at, at + len(block)), 0
        for chunk in read():
            columns = slice(start, start + len(chunk))
            start = columns.stop
            gram[rows, columns] = block @ chunk.T
            if start >= rows.stop:
                # What is beyond follows by symmetry: only the lower triangle is looked at.
                break
        at = rows.stop
    return gram


def _joined(parts: Iterator[np.ndarray], n_rows: int) -> Iterator[np.ndarray]:
    """The rows in blocks of about `n_rows`."""
    held: list[np.ndarray] = []
    for part in parts:
        held.append(part)
        if sum(map(len, held)) >= n_rows:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


def traced_spectrum(x: jax.Array) -> jax.Array:
    """The same of a traced array, from singular values: their squares keep digits that a Gram matrix would not.

    Example:
        >>> traced_spectrum(jnp.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0]])).tolist()
        [1.0, 0.0]
    """
    n_samples, n_features = x.shape
    rows = traced_layer(x, "euclidean", n_samples).features[:, :n_features]
    singular = jnp.linalg.svd(rows - rows.mean(0), compute_uv=False)[: min(n_samples - 1, n_features)]
    values = singular**2
    total = values.sum()
    return values / jnp.where(total > 0, total, 1)
