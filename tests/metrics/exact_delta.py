"""An oracle by the definition: differences in float64 (exact integers in Python's), mid ranks, no products."""

import numpy as np


def squared(x) -> np.ndarray:
    """Squared distances of all pairs, infinite to itself; 64-bit integers are subtracted before anything is rounded."""
    x = np.asarray(x)
    if x.dtype.kind in "iu":
        smallest = [int(v) for v in x.min(0)]
        x = np.array([[float(int(v) - low) for v, low in zip(row, smallest, strict=True)] for row in x])
    wide = np.longdouble(x)
    out = np.stack([((wide - row) ** 2).sum(1) for row in wide])
    np.fill_diagonal(out, np.inf)
    return out


def angles(x) -> np.ndarray:
    """Squared chords between rows scaled to length 1 (1 - cosine, doubled), rounded to 1e-9, so that equal ones tie."""
    x = np.longdouble(x)
    unit = x / np.sqrt((x**2).sum(1, keepdims=True))
    out = np.round(np.stack([((unit - row) ** 2).sum(1) for row in unit]).astype(float), 9)
    np.fill_diagonal(out, np.inf)
    return out


def delta(of_source: np.ndarray, of_target: np.ndarray, k: int = 1, expected: bool = False) -> float:
    """Delta(source -> target) from distances."""
    n, total = len(of_source), 0.0
    for near, far in zip(of_source, of_target, strict=True):
        last = np.sort(near)[k - 1]
        if expected:
            inside, tied = near < last, near == last
            share = inside + tied * (k - inside.sum()) / tied.sum()
        else:
            share = np.zeros(n)
            share[np.argsort(near, kind="stable")[:k]] = 1
        for j in np.flatnonzero(share):
            total += share[j] * (1 + (far < far[j]).sum() + ((far == far[j]).sum() - 1) / 2)
    return 2 * total / (n * n * k)
