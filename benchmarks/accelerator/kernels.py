"""Every Pallas kernel against XLA's form of the same, on one strip, with the integers compared."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxsim_kernels.accelerator.choice import count_kernels, neighbour_kernels, rank_kernels
from jaxsim_kernels.accelerator.counting import counts_by_groups, counts_of_columns_by_groups
from jaxsim_kernels.accelerator.neighbours import nearest_by_readings
from jaxsim_kernels.counting import scores_at
from jaxsim_kernels.strips import gram_strip

from benchmarks import measure
from benchmarks.accelerator.session import Absence

NAMES_OF_PLATFORMS = {"gpu": "cuda"}
"""What `lax.platform_dependent` calls a platform that JAX's devices call otherwise."""

_STEP_BY_STEP = 1 << 20
"""Elements of a strip up to which a CPU runs a kernel's steps one by one: to see that it runs, not how fast."""


@dataclass(frozen=True)
class Kernel:
    """Work on a strip.

    Attributes:
        work: `neighbours`, `counts` below thresholds or `ranks` of columns (thresholds looked up on the way).
        n: Neighbours, or thresholds a row.
    """

    work: str
    n: int

    @property
    def key(self) -> dict[str, Any]:
        """What tells its line from others."""
        return {"kernel": self.work, "n": self.n}


def kernels_of(n_layers: int, ks: tuple[int, ...], platform: str) -> tuple[Kernel, ...]:
    """The kernels of a study: strip neighbours, and counts of few and of many thresholds.

    GPUs have none of their own for ranks: there scores are gathered first.

    Example:
        >>> [(each.work, each.n) for each in kernels_of(24, (1, 30), "gpu")]
        [('neighbours', 2), ('counts', 24), ('neighbours', 31), ('counts', 720)]
    """
    # One neighbour more than k is looked for, to see whether the last place ties.
    every = (
        Kernel(work, n)
        for k in ks
        for work, n in (("neighbours", k + 1), ("counts", n_layers * k), ("ranks", n_layers * k))
    )
    return tuple(each for each in every if each.work != "ranks" or platform != "gpu")


def measure_kernel(
    kernel: Kernel,
    n_samples: int,
    n_features: int,
    n_rows: int,
    *,
    seed: int = 0,
    runs: int = measure.RUNS,
    within: float | None = None,
) -> dict[str, Any]:
    """Seconds of both forms on a strip that is on the device, and how much of the strip they read a second.

    Args:
        kernel: What is done.
        n_samples: Columns, a multiple of 128.
        n_features: Of the samples.
        n_rows: Of the strip.
        seed: Of the samples.
        runs: Timed runs of each form.
        within: See `measure.interleaved`.

    Returns:
        Fields of the record.

    Raises:
        Absence: Where there is no such kernel for this platform.
    """
    strip, norms = _strip(n_samples, n_features, n_rows, seed)
    columns = jax.random.randint(jax.random.key(seed + 1), (n_rows, kernel.n), 0, n_samples, jnp.int32)
    # A sample's own column is left out, and no threshold.
    columns = jnp.where(columns == jnp.arange(n_rows)[:, None], (columns + 1) % n_samples, columns)
    forms, arguments = _FORMS[kernel.work](strip, norms, columns, kernel.n)
    compiled = {name: jax.jit(form) for name, form in forms.items()}
    found = {name: jax.device_get(form(*arguments)) for name, form in compiled.items()}
    equal = all(np.array_equal(a, b) for a, b in zip(*found.values(), strict=True))
    sides = {name: partial(form, *arguments) for name, form in compiled.items()}
    timings = measure.interleaved(sides, runs, within=within)
    quotient = measure.ratio(timings["pallas"], timings["xla"])
    return {
        "timings": {
            name: {**t.as_json(), "strip_gb_per_s": strip.nbytes / t.median / 1e9} for name, t in timings.items()
        },
        "ratios": {"pallas": quotient.as_json()},
        "found": {
            "times_faster": 1 / quotient.of_medians,
            "equal": equal,
            **{f"{name}_gb_per_s": strip.nbytes / t.median / 1e9 for name, t in timings.items()},
        },
        "reach": "the same integers",
        "reached": equal,
        "step_by_step": jax.default_backend() == "cpu",
    }


def _strip(n_samples: int, n_features: int, n_rows: int, seed: int) -> tuple[jax.Array, jax.Array]:
    x = jax.random.normal(jax.random.key(seed), (n_samples, n_features), jnp.float32)
    strip = jax.jit(gram_strip)(x, jnp.arange(n_rows, dtype=jnp.int32))
    return strip, jnp.sum(x * x, axis=1) / 2


def _neighbours(strip: jax.Array, norms: jax.Array, columns: jax.Array, n: int) -> Any:
    forms = {"xla": partial(nearest_by_readings, k=n), "pallas": _here(neighbour_kernels(strip, n, "pallas"), strip)}
    return forms, (strip, norms)


def _counts(strip: jax.Array, norms: jax.Array, columns: jax.Array, n: int) -> Any:
    thresholds = jax.jit(scores_at)(strip, norms, columns)
    forms = {"xla": counts_by_groups, "pallas": _here(count_kernels(strip, n, "pallas"), strip)}
    return forms, (strip, norms, thresholds)


def _ranks(strip: jax.Array, norms: jax.Array, columns: jax.Array, n: int) -> Any:
    """Only on TPUs one kernel does both; on GPUs scores are gathered first."""
    kernels = rank_kernels(strip, n, "pallas")
    forms = {"xla": counts_of_columns_by_groups, "pallas": _here(kernels, strip)}
    return forms, (strip, norms, columns)


_FORMS: dict[str, Callable[..., Any]] = {"neighbours": _neighbours, "counts": _counts, "ranks": _ranks}


def _here(kernels: dict[str, Callable[..., Any]], strip: jax.Array) -> Callable[..., Any]:
    """The form for this platform; on a CPU any of them, step by step, if the strip is small."""
    platform = jax.default_backend()
    if platform == "cpu":
        if strip.size > _STEP_BY_STEP or not kernels:
            raise Absence("a CPU runs the kernels step by step, on small strips only")
        return partial(next(iter(kernels.values())), interpret=True)
    name = NAMES_OF_PLATFORMS.get(platform, platform)
    if name not in kernels:
        raise Absence(f"there is no such kernel for {platform} and a strip of {strip.shape}")
    return kernels[name]
