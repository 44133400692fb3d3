"""A live model as jaxsim sees it: images in, chosen states out."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from jaxsim.models.capture.calls import Call
from jaxsim.models.capture.layouts import LayoutRules, Reading, map_grids, read_state
from jaxsim.models.capture.runner import PROBE_BATCH, Runner
from jaxsim.models.loading.weights import hash_weights
from jaxsim.models.preprocessing.preprocessors import AnyImage, Preprocessor, preprocessed
from jaxsim.models.step import Step
from jaxsim.wording import counted


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class CapturedModel:
    """A live model whose call returns the states of chosen modules. Made by `capture`.

    It offers what a `VisionModel` does and goes wherever one goes.

    Attributes:
        name: How results call it.
        family: The model's class.
        source: Framework, module and class.
        config: Arguments of the call, JSON-able.
        preprocessor: What `preprocess` runs.
        n_channels: Of the images.
        runner: Runs the model.
        rules: What was said about layouts.
        chosen: The calls whose states are the steps, with each step's kind and how its state is read.
        granularity: Always `"captured"`.
    """

    name: str
    family: str
    source: str
    config: dict[str, Any]
    preprocessor: Preprocessor
    n_channels: int
    runner: Runner
    rules: LayoutRules
    chosen: tuple[tuple[Call, str, Reading], ...]
    granularity: str = "captured"

    def __repr__(self) -> str:
        return (
            f"CapturedModel({self.name!r}, {self.source}, {counted(len(self.chosen), 'step')}, "
            f"image_size={self.image_size})"
        )

    @property
    def module(self) -> Any:
        """The live model."""
        return self.runner.module

    @property
    def jitted(self) -> bool:
        """Whether `apply` runs under `jax.jit`: a torch module's does not."""
        return self.runner.jitted

    @property
    def params(self) -> Any:
        """First argument of `apply`: variables, an NNX state, Equinox arrays; empty for torch, which keeps its own."""
        return self.runner.params

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of what `preprocess` returns."""
        return self.preprocessor.image_size

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What `preprocess` does, JSON-able."""
        return {
            "image_size": list(self.image_size),
            "channels_first": self.rules.channels_first,
            **self.preprocessor.description,
        }

    def preprocess(self, images: Sequence[AnyImage] | AnyImage) -> Shaped[np.ndarray, "batch height width channels"]:
        """Returns float32 `[B, H, W, C]` from PIL images or uint8 arrays, gray or RGB.

        Raises:
            ValueError: No images, or one that is not an image; its position is named.
        """
        return preprocessed(images, self.preprocessor)

    @property
    def weights_hash(self) -> str:
        """SHA-256 over every weight and buffer, the modules' settings and the call's arguments, of whatever steps.

        For a torch module, of the weights it has now.
        """
        digest = hashlib.sha256(hash_weights(self.runner.weights()).encode())
        digest.update(self.runner.structure().encode())
        digest.update(json.dumps(self.config, sort_keys=True).encode())
        return digest.hexdigest()

    @property
    def layouts(self) -> dict[str, str]:
        """Name of each step -> how its state is read, which decides its features beside the weights."""
        return {call.name: f"{reading.axes} {reading.layout!r}" for call, _, reading in self.chosen}

    @functools.cached_property
    def steps(self) -> tuple[Step, ...]:
        """Every step, for images of `image_size`."""
        return self._described([reading for _, _, reading in self.chosen])

    def steps_at(self, image_size: tuple[int, int]) -> tuple[Step, ...]:
        """Returns every step for images of another (height, width).

        Raises:
            ValueError: A step is not called on such images, or its layout cannot be read.
        """
        calls = self.runner.calls(input_shape(PROBE_BATCH, image_size, self.n_channels, self.rules.channels_first))
        found = readings(calls, [call.name for call, _, _ in self.chosen], self.rules, image_size)
        return self._described(list(found.values()))

    def apply(
        self, params: Any, images: Shaped[Array | np.ndarray, "batch height width channels"]
    ) -> OrderedDict[str, Array]:
        """Returns every step's state, in order; pure, and where `jitted` to be jitted, sharded or differentiated.

        Args:
            params: Like `self.params`.
            images: As `preprocess` returns them.
        """
        pixels = jnp.transpose(images, (0, 3, 1, 2)) if self.rules.channels_first else images
        states = self.runner.states(params, pixels, [call for call, _, _ in self.chosen])
        return OrderedDict(
            (call.name, jnp.transpose(state, reading.order))
            for (call, _, reading), state in zip(self.chosen, states, strict=True)
        )

    def __call__(self, images: Shaped[Array | np.ndarray, "..."]) -> OrderedDict[str, Array]:
        """Returns every step's state, in order; of a Flax model compiled once for each shape of `images`.

        Raises:
            ValueError: Not float `[B, H, W, C]`.
        """
        if images.ndim != 4 or images.shape[-1] != self.n_channels or not jnp.issubdtype(images.dtype, jnp.floating):
            raise ValueError(
                f"expected float images [B, H, W, {self.n_channels}] as `preprocess` returns them, "
                f"got {images.dtype} {images.shape}; call `preprocess` on pictures first"
            )
        return self._function(self.params, jnp.asarray(images))

    def untrained(self, seed: int = 0) -> CapturedModel:
        """Returns the same model with random weights, the control for what training made of it; this one stays.

        A torch module is copied, and every module in it draws its weights by its own `reset_parameters`. A Linen module
        is initialised anew.

        Args:
            seed: Of the weights.

        Raises:
            ValueError: A torch module with weights that no `reset_parameters` draws; an NNX or Equinox module.
        """
        shape = input_shape(PROBE_BATCH, self.image_size, self.n_channels, self.rules.channels_first)
        return dataclasses.replace(self, runner=self.runner.untrained(seed, shape))

    @functools.cached_property
    def _function(self) -> Callable[..., OrderedDict[str, Array]]:
        return jax.jit(self.apply) if self.runner.jitted else self.apply

    def _described(self, found: Sequence[Reading]) -> tuple[Step, ...]:
        last = max(1, len(found) - 1)
        return tuple(
            Step(call.name, kind, position / last, reading.layout, reading.n_features)
            for position, ((call, kind, _), reading) in enumerate(zip(self.chosen, found, strict=True))
        )


def input_shape(batch: int, image_size: tuple[int, int], n_channels: int, channels_first: bool) -> tuple[int, ...]:
    """Returns the shape in which the model gets its images."""
    return (batch, n_channels, *image_size) if channels_first else (batch, *image_size, n_channels)


def readings(
    calls: Sequence[Call], names: Sequence[str], rules: LayoutRules, image_size: tuple[int, int]
) -> dict[str, Reading]:
    """Returns how the states of some calls are read.

    Raises:
        ValueError: A name that was not called; see also `read_state`.
    """
    grids = map_grids(calls, rules, PROBE_BATCH)
    found = {
        call.name: read_state(call, rules, image_size, PROBE_BATCH, before)
        for call, before in zip(calls, grids, strict=True)
        if call.name in names
    }
    if missing := [name for name in names if name not in found]:
        raise ValueError(f"{missing[0]!r} is not called on images of {image_size[0]} x {image_size[1]}")
    return {name: found[name] for name in names}
