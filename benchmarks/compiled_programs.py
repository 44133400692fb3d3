"""Programs that are compiled for accelerators that are not here, and what each must move at least."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, SingleDeviceSharding
from jax.sharding import PartitionSpec as P
from jaxsim_kernels import Placement
from jaxsim_kernels.accelerator.parts import gram_of_parts
from jaxsim_kernels.block_program import BlockForm, Queries, block_program, no_sums
from jaxsim_kernels.programs import compiled_for, count_program, mapped_over, strip_program

PRODUCT = "product"
"""The workload that estimates are held against."""

WITHOUT_KERNELS = (PRODUCT, "product of 6 parts")
"""Workloads that have one form, whichever kernels are asked for."""


@dataclass(frozen=True)
class Sizes:
    """Sizes of a block.

    Attributes:
        n_samples: Samples, which are the columns.
        n_features: Features of each layer.
        n_rows: Query rows.
        n_layers: Layers.
    """

    n_samples: int
    n_features: int
    n_rows: int
    n_layers: int


@dataclass(frozen=True)
class Program:
    """A program that can be lowered.

    Attributes:
        step: From `jax.jit`.
        arguments: Shapes, types and shardings of its arguments.
        least_bytes: What each device must move at least: features and strips as often as they must be read or written.
        strip_bytes: Of one device's part of a strip.
    """

    step: Any
    arguments: tuple[Any, ...]
    least_bytes: int
    strip_bytes: int


def make_program(workload: str, sizes: Sizes, placement: Placement) -> Program:
    """A program by its name.

    Args:
        workload: One of `WORKLOADS`.
        sizes: Of the block.
        placement: Devices that exist or are only described; samples are sharded over those of a mesh.

    Returns:
        The program.

    Example:
        >>> make_program("product", Sizes(1024, 16, 8, 2), Placement()).least_bytes
        98816
    """
    return WORKLOADS[workload](sizes, _Arrays(sizes, placement))


class _Arrays:
    """Shapes and shardings of what programs take."""

    def __init__(self, sizes: Sizes, placement: Placement) -> None:
        self.placement, self._sizes = placement, sizes
        n, d, rows = sizes.n_samples, sizes.n_features, sizes.n_rows
        self.features = self.samples(d, jnp.float32)
        self.norms = self._array((n,), jnp.float32, P(placement.axis))
        self.strip = self._array((rows, n), jnp.float32, P(None, placement.axis))
        self.rows = self.replicated((rows,), jnp.int32)
        self.feature_bytes = 4 * n * d // placement.n_shards
        self.strip_bytes = 4 * n * rows // placement.n_shards
        self.query_bytes = 4 * rows * d

    def samples(self, width: int, dtype: Any) -> jax.ShapeDtypeStruct:
        return self._array((self._sizes.n_samples, width), dtype, P(self.placement.axis))

    def replicated(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return self._array(shape, dtype, P())

    def _array(self, shape: tuple[int, ...], dtype: Any, spec: P) -> jax.ShapeDtypeStruct:
        mesh, device = self.placement.mesh, self.placement.device
        if mesh is not None:
            return jax.ShapeDtypeStruct(shape, dtype, sharding=NamedSharding(mesh, spec))
        sharding = None if device is None else SingleDeviceSharding(device)
        return jax.ShapeDtypeStruct(shape, dtype, sharding=sharding)


def _strip(k: int) -> Callable[[Sizes, _Arrays], Program]:
    """The product with the k nearest; the strip is written, and read once where neighbours are looked for."""

    def make(sizes: Sizes, of: _Arrays) -> Program:
        least = of.feature_bytes + of.query_bytes + of.strip_bytes * (2 if k else 1)
        step = strip_program(of.placement, k, "highest")
        return Program(step, (of.features, of.norms, of.rows), least, of.strip_bytes)

    return make


def _product_of_parts(n_products: int) -> Callable[[Sizes, _Arrays], Program]:
    """The float32 product as one of bfloat16 parts that lie side by side already."""

    def make(sizes: Sizes, of: _Arrays) -> Program:
        width = n_products * sizes.n_features
        placement, axis = of.placement, of.placement.axis
        step = gram_of_parts
        if placement.mesh is not None:
            step = mapped_over(placement, step, (P(), P(axis)), P(None, axis))
        arguments = (of.replicated((sizes.n_rows, width), jnp.bfloat16), of.samples(width, jnp.bfloat16))
        least = n_products * (of.feature_bytes + of.query_bytes) // 2 + of.strip_bytes
        return Program(compiled_for(placement, step), arguments, least, of.strip_bytes)

    return make


def _counts(ks: tuple[int, ...]) -> Callable[[Sizes, _Arrays], Program]:
    """Ranks of all layers' neighbours in a strip, which is read once."""

    def make(sizes: Sizes, of: _Arrays) -> Program:
        wanted = of.replicated((sizes.n_rows, sizes.n_layers * ks[-1]), jnp.int32)
        step = count_program(of.placement, sizes.n_layers, ks, False)
        least = of.strip_bytes + 4 * sizes.n_rows * sizes.n_layers * ks[-1]
        return Program(step, (of.strip, of.norms, wanted), least, of.strip_bytes)

    return make


def _block(ks: tuple[int, ...]) -> Callable[[Sizes, _Arrays], Program]:
    """All layers in one program: each strip is written, read for its neighbours and read for its ranks."""

    def make(sizes: Sizes, of: _Arrays) -> Program:
        layers = range(sizes.n_layers)
        form = BlockForm(sizes.n_rows, ks, False, "highest", (False,) * sizes.n_layers)
        scalar = of.replicated((), jnp.int32)
        queries = Queries(of.replicated((2 * sizes.n_rows,), jnp.int32), scalar, None)
        sums = jax.tree.map(
            lambda zeros: of.replicated(zeros.shape, zeros.dtype), no_sums(sizes.n_layers, len(ks), sizes.n_layers)
        )
        arguments = (
            tuple(of.features for _ in layers), tuple(of.norms for _ in layers), None, queries, scalar,
            of.replicated((0, 0), jnp.float32), sums,
        )  # fmt: skip
        least = sizes.n_layers * (of.feature_bytes + of.query_bytes + 3 * of.strip_bytes)
        return Program(block_program(of.placement, form), arguments, least, of.strip_bytes)

    return make


WORKLOADS: dict[str, Callable[[Sizes, _Arrays], Program]] = {
    PRODUCT: _strip(0),
    "product of 6 parts": _product_of_parts(6),
    "neighbours of k=1": _strip(2),
    "neighbours of k=30": _strip(31),
    "counts of k=1": _counts((1,)),
    "counts of k=1,3,10,30": _counts((1, 3, 10, 30)),
    "block of k=1": _block((1,)),
}
"""Workload -> how its program is made. One neighbour more than k is looked for, to see whether the last place ties."""
