"""The interface through which captured models of all frameworks run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import jax
import numpy as np
from jaxtyping import Array, Shaped

from jaxsim.models.capture.calls import Call
from jaxsim.warn import warn
from jaxsim.wording import counted

try:
    from jax.extend.core import get_opaque_trace_state
except ImportError:  # before JAX 0.10
    from jax.core import get_opaque_trace_state  # pyright: ignore[reportAttributeAccessIssue, reportDeprecated]

#: Images in the forward pass that finds the calls: a number that is hardly a number of tokens or channels.
PROBE_BATCH = 3


@runtime_checkable
class Runner(Protocol):
    """Runs a live model and takes the states of its modules."""

    @property
    def framework(self) -> str:
        """`"linen"`, `"nnx"`, `"equinox"` or `"torch"`."""
        ...

    @property
    def module(self) -> Any:
        """The live model."""
        ...

    @property
    def params(self) -> Any:
        """First argument of `states`; a pytree."""
        ...

    @property
    def jitted(self) -> bool:
        """Whether `states` runs under `jax.jit`."""
        ...

    def calls(self, shape: Sequence[int]) -> tuple[Call, ...]:
        """Returns every module call on images of a shape, in the order in which they return."""
        ...

    def states(
        self, params: Any, images: Shaped[Array | np.ndarray, "..."], wanted: Sequence[Call]
    ) -> tuple[Array, ...]:
        """Returns the states of some calls, with the model's own axes; pure."""
        ...

    def weights(self) -> Mapping[str, np.ndarray]:
        """Returns every weight and buffer by name."""
        ...

    def structure(self) -> str:
        """Returns what else decides the numbers, as far as the model tells: modules and their settings."""
        ...

    def untrained(self, seed: int, shape: Sequence[int]) -> Runner:
        """Returns the same model with random weights; raises a ValueError where they cannot be drawn anew."""
        ...


def traced_calls(trace: Callable[[bool], tuple[Call, ...]]) -> tuple[Call, ...]:
    """Returns the calls of a Flax model, with scans and inner jits opened where that makes states reachable.

    Args:
        trace: Traces the model with jit and scan disabled (True) or not.
    """
    plain = trace(False)
    if all(call.reachable for call in plain):
        return plain
    try:
        opened = trace(True)
    except Exception as error:  # whatever a model raises that needs its jit or its scan
        hidden = [call.name for call in plain if not call.reachable]
        warn(
            f"{counted(len(hidden), 'module call')} ({', '.join(hidden[:3])}{', ...' if len(hidden) > 3 else ''}) are "
            f"inside a jit or scan and give no steps: run as plain Python it fails: {type(error).__name__}: "
            f"{error!s:.200}",
        )
        return plain
    reached = [sum(call.reachable for call in calls) for calls in (plain, opened)]
    return opened if reached[1] > reached[0] else plain


def trace_state() -> Any:
    """Identifies the transformation under which JAX runs right now."""
    return get_opaque_trace_state(convention="flax")


def is_floating(value: Any) -> bool:
    """Returns whether a value is a JAX array of floats."""
    return isinstance(value, jax.Array) and jax.numpy.issubdtype(value.dtype, jax.numpy.floating)


def kept_states(kept: Mapping[str, Any], wanted: Sequence[Call]) -> tuple[Any, ...]:
    """Returns the states in the order wanted.

    Raises:
        ValueError: A module was not called as often as when the model was captured.
    """
    missing = [call.name for call in wanted if call.name not in kept]
    if missing:
        raise ValueError(
            f"{missing[0]!r} was called when the model was captured and is not called now; "
            "the model's control flow depends on its images or on its mode: exclude this step"
        )
    return tuple(kept[call.name] for call in wanted)
