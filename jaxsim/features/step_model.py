"""What a model must offer to have its steps extracted."""

import os
from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from jaxsim.arguments import shown
from jaxsim.models import Step


@runtime_checkable
class StepModel(Protocol):
    """A model whose call returns every processing step: `jaxsim.models.VisionModel` is one.

    One that cannot run under `jax.jit` (a torch module) says so by an attribute `jitted = False`: it is called as it
    is, and only the pooling is compiled. One whose states are read as a user says has `layouts`, for each step a text
    that changes whenever the reading does.
    """

    @property
    def name(self) -> str:
        """How results call it."""
        ...

    @property
    def family(self) -> str:
        """Of architectures."""
        ...

    @property
    def source(self) -> str:
        """Where it came from."""
        ...

    @property
    def granularity(self) -> str:
        """Which steps it returns."""
        ...

    @property
    def module(self) -> Any:
        """What computes; its `dtype` and `precision`, if it has them, go to the manifest."""
        ...

    @property
    def params(self) -> Any:
        """The first argument of `apply`."""
        ...

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every step, in the order of `apply`."""
        ...

    @property
    def weights_hash(self) -> str:
        """Changes whenever a weight does."""
        ...

    @property
    def preprocessing(self) -> dict[str, Any]:
        """JSON-able account of what `preprocess` does."""
        ...

    def preprocess(self, images: Sequence[Any]) -> np.ndarray:
        """Turn uint8 images `[H, W, 3]` into float32 `[B, H, W, 3]`; called from several threads."""
        ...

    def apply(self, params: Any, images: Any) -> Any:
        """Return an ordered mapping from step name to state; pure, runs under `jax.jit` unless `jitted` is False."""
        ...


def check_step_model(model: Any) -> None:
    """Refuses what is no model that returns its steps.

    Raises:
        ValueError: Says what it is, and how to make a model of it.

    Example:
        >>> check_step_model("facebook/dinov2-small")
        Traceback (most recent call last):
        ...
        ValueError: expected a model as jaxsim.load_model returns it, got 'facebook/dinov2-small'; load it first
    """
    if isinstance(model, str | os.PathLike):
        raise ValueError(f"expected a model as jaxsim.load_model returns it, got {shown(str(model))}; load it first")
    if isinstance(model, type) or not all(hasattr(model, name) for name in ("steps", "apply", "preprocess", "name")):
        raise ValueError(
            f"expected a model as jaxsim.load_model returns it, got a {type(model).__name__}; of a module of torch or "
            "flax jaxsim.capture makes one"
        )
