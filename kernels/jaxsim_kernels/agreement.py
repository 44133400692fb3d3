"""What the processes of one computation must have been called with alike, and the check that they were."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from .placement import Placement
from .processes import agree

_ROWS = 8
"""Rows of every layer whose bytes are compared."""


def agree_on_call(what: str, layers: Mapping[Any, Any], placement: Placement, **options: Any) -> None:
    """Refuse to go on where the processes that share the samples were called differently.

    Args:
        what: Name of the computation.
        layers: Name or number -> representation `[n_samples, n_features]`, with `shape`, `dtype` and row slices. Of
            their values a few rows are compared.
        placement: Devices; those of one process have nobody to agree with.
        **options: Everything else that must be the same. Arrays are compared by their bytes.

    Raises:
        ValueError: In every process: names what differs, and in which.
        LostProcessError: If another process ended or hung.

    Example:
        >>> agree_on_call("all_pairs", {0: np.eye(3)}, Placement(), k=1)
    """
    if placement.n_processes == 1:
        return
    facts: dict[str, Any] = {"computation": what}
    facts["number of samples"] = next(iter(layers.values())).shape[0]
    facts["number of layers"] = len(layers)
    facts["names of layers"] = list(layers)
    facts["devices"] = [] if placement.mesh is None else [device.id for device in placement.mesh.devices.flat]
    facts |= {name: _fingerprint(value) for name, value in options.items()}
    for name, x in layers.items():
        facts |= {f"width of layer {name!r}": x.shape[1], f"dtype of layer {name!r}": x.dtype}
    following = {f"hash of values of layer {name!r}": _hash(_some_rows(x)) for name, x in layers.items()}
    agree(facts, placement.processes, following=following)


def _some_rows(x: Any) -> np.ndarray:
    """Rows spread over a layer: all where they are few."""
    rows = np.unique(np.linspace(0, x.shape[0] - 1, _ROWS).astype(int))
    return np.concatenate([np.asarray(x[int(row) : int(row) + 1]) for row in rows])


def _fingerprint(value: Any) -> Any:
    """Something short: arrays become a hash.

    Example:
        >>> _fingerprint(3), _fingerprint(np.arange(3, dtype=np.int32))
        (3, '[3] int32 hash 6dcef04f')
    """
    return f"{list(value.shape)} {value.dtype} hash {_hash(value)}" if isinstance(value, np.ndarray) else value


def _hash(values: np.ndarray) -> str:
    return hashlib.blake2b(np.ascontiguousarray(values).tobytes(), digest_size=4).hexdigest()
