"""Which kernels a GPU or TPU runs: XLA's or Pallas's. One place, one variable."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp

Kernels = Literal["xla", "pallas"]

VARIABLE = "JAXSIM_KERNELS"
"""`xla` or `pallas`, read when a program is made; set it before a process starts. Without it XLA's kernels run, since
Pallas's have been compiled for v5e, v6e and H100 (JAX 0.10 and 0.12) and checked in interpret mode, but not timed. CPUs
have their own forms and take no notice, and so do float64, strips of other widths than multiples of 128, lists
of more than 128 neighbours and GPUs that are not NVIDIA's. On GPUs Pallas's go through Triton, of which JAX 0.12 says
that a later release takes it out."""

MOST_NEIGHBOURS = 128

Strip = jax.Array | jax.ShapeDtypeStruct

_LANES = 128


def chosen_kernels(kernels: str | None = None) -> Kernels:
    """The kernels to use.

    Args:
        kernels: What is asked for; None asks the environment.

    Returns:
        `xla` or `pallas`.

    Raises:
        ValueError: For any other word.

    Example:
        >>> chosen_kernels("pallas")
        'pallas'
    """
    source = "kernels" if kernels is not None else f"the environment's {VARIABLE}"
    word = kernels if kernels is not None else os.environ.get(VARIABLE) or "xla"
    if word not in get_args(Kernels):
        raise ValueError(f"expected {source} to be one of {get_args(Kernels)}, got {word!r}.")
    return word  # pyright: ignore[reportReturnType]


def neighbour_kernels(strip: Strip, k: int, kernels: str | None = None) -> dict[str, Callable[..., Any]]:
    """Pallas's forms of `nearest` by platform, for the nearest columns of every row.

    Args:
        strip: Gram strip, or its shape and dtype.
        k: Number of neighbours.
        kernels: See `chosen_kernels`.

    Returns:
        Functions of `(strip, half_norms)` by the names that `lax.platform_dependent` takes; none where XLA's serve.

    Example:
        >>> sorted(neighbour_kernels(jax.ShapeDtypeStruct((8, 512), jnp.float32), 2, "pallas"))
        ['cuda', 'tpu']
    """
    if not _serves(strip, kernels) or k > MOST_NEIGHBOURS:
        return {}
    # Imported where they are asked for: Mosaic and Triton cost every start half a second.
    from .gpu_neighbours import nearest_by_triton
    from .tpu_neighbours import nearest_by_mosaic

    return {"cuda": partial(nearest_by_triton, k=k), "tpu": partial(nearest_by_mosaic, k=k)}


def count_kernels(strip: Strip, n_thresholds: int, kernels: str | None = None) -> dict[str, Callable[..., Any]]:
    """Pallas's forms of counting by platform.

    Args:
        strip: Gram strip, or its shape and dtype.
        n_thresholds: Of every row.
        kernels: See `chosen_kernels`.

    Returns:
        Functions of `(strip, half_norms, thresholds)` by platform; none where XLA's serve.

    Example:
        >>> count_kernels(jax.ShapeDtypeStruct((8, 512), jnp.float64), 24, "pallas")
        {}
    """
    if not _serves(strip, kernels) or n_thresholds == 0:
        return {}
    from .gpu_counting import counts_by_triton
    from .tpu_counting import MOST_COLUMNS, counts_by_mosaic

    if strip.shape[1] >= MOST_COLUMNS:
        return {"cuda": counts_by_triton}
    return {"cuda": counts_by_triton, "tpu": counts_by_mosaic}


def rank_kernels(strip: Strip, n_wanted: int, kernels: str | None = None) -> dict[str, Callable[..., Any]]:
    """Pallas's form of counting below a row's scores at given columns, which only TPUs need.

    Args:
        strip: Gram strip, or its shape and dtype.
        n_wanted: Columns of every row.
        kernels: See `chosen_kernels`.

    Returns:
        A function of `(strip, half_norms, columns)` by platform; none where XLA's serve.

    Example:
        >>> sorted(rank_kernels(jax.ShapeDtypeStruct((8, 512), jnp.float32), 24, "pallas"))
        ['tpu']
    """
    if not _serves(strip, kernels) or n_wanted == 0:
        return {}
    from .tpu_ranks import MOST_ROW_COLUMNS, counts_of_columns_by_mosaic

    return {} if strip.shape[1] > MOST_ROW_COLUMNS else {"tpu": counts_of_columns_by_mosaic}


def _serves(strip: Strip, kernels: str | None) -> bool:
    # The word is checked whatever the strip is like.
    chosen = chosen_kernels(kernels)
    return chosen == "pallas" and strip.dtype == jnp.float32 and strip.shape[0] > 0 and strip.shape[1] % _LANES == 0
