"""A loaded model: images in, every processing step out."""

from __future__ import annotations

import dataclasses
import functools
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Literal, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Shaped

from jaxsim.models.inputs import PIXELS, ModelInput
from jaxsim.models.loading.weights import hash_weights
from jaxsim.models.preprocessing.preprocessors import AnyImage, Preprocessor, preprocessed
from jaxsim.models.step import RecordedState, Recording, Step
from jaxsim.wording import counted

Granularity = Literal["block", "hf"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class VisionModel:
    """A vision model whose call returns every processing step. Made by `load_model`.

    Attributes:
        name: How results call it.
        family: `"vit"`, `"resnet"`, ...
        source: Directory or hub id it came from.
        granularity: `"block"`: embeddings or stem, every block, the final norm. `"hf"`: Hugging Face's
            hidden_states one to one, named `hidden_states.0` and so on.
        config: The checkpoint's configuration, JSON-able.
        module: The Linen module; `module.apply(params, images)` returns a `Recording`.
        params: The full Flax variables dict.
        weights_hash: SHA-256 over names, shapes, dtypes and bytes of the variables.
        preprocessor: What `preprocess` runs.
        inputs: What a call takes; pixels for nearly every family.

    Example:
        >>> import json, tempfile, pathlib
        >>> from jaxsim.models import load_model
        >>> config = {"model_type": "vit", "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
        ...           "intermediate_size": 16, "image_size": 8, "patch_size": 4}
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     _ = pathlib.Path(directory, "config.json").write_text(json.dumps(config))
        ...     model = load_model(directory, init="random", seed=0)
        >>> images = model.preprocess([np.zeros((10, 12), np.uint8)])
        >>> {name: state.shape for name, state in model(images).items()}
        {'embeddings': (1, 5, 8), 'block00': (1, 5, 8), 'block01': (1, 5, 8), 'norm': (1, 5, 8)}
    """

    name: str
    family: str
    source: str
    granularity: Granularity
    config: dict[str, Any]
    module: nn.Module
    params: dict[str, Any]
    weights_hash: str
    preprocessor: Preprocessor
    inputs: ModelInput = PIXELS

    def __repr__(self) -> str:
        return (
            f"VisionModel({self.name!r}, family={self.family!r}, granularity={self.granularity!r}, "
            f"{counted(len(self.steps), 'step')}, image_size={self.image_size})"
        )

    @property
    def image_size(self) -> tuple[int, int]:
        """(height, width) of what `preprocess` returns."""
        return self.preprocessor.image_size

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What `preprocess` does, JSON-able."""
        return {"image_size": list(self.image_size), **self.preprocessor.description}

    def preprocess(self, images: Sequence[AnyImage] | AnyImage) -> Shaped[np.ndarray, "batch height width *channels"]:
        """Returns what `inputs` says, mostly float32 `[B, H, W, 3]`, from PIL images or uint8 arrays, gray or RGB.

        Raises:
            ValueError: No images, or one that is not an image; its position is named.
        """
        return preprocessed(images, self.preprocessor)

    @functools.cached_property
    def steps(self) -> tuple[Step, ...]:
        """Every step, for images of `image_size`."""
        return self.steps_at(self.image_size)

    def steps_at(self, image_size: tuple[int, int]) -> tuple[Step, ...]:
        """Returns every step for images of another (height, width).

        Raises:
            ValueError: Images that this model cannot take: smaller than a patch or a window.
        """
        images = self.inputs.example(image_size)
        try:
            recording = jax.eval_shape(self.module.apply, self.params, images)
        except ValueError as error:
            raise ValueError(f"{self.source}: {error}") from error
        return self.steps_of(cast(Recording, recording))

    def steps_of(self, recording: Recording) -> tuple[Step, ...]:
        """Returns every step that a recording of `module` holds, as this granularity shows them."""
        chosen = self._chosen(recording)
        return tuple(
            Step(
                name=name,
                kind=description.kind,
                depth=position / max(1, len(chosen) - 1),
                layout=description.layout,
                n_features=state.shape[-1],
            )
            for position, (name, description, state) in enumerate(chosen)
        )

    def apply(
        self, params: dict[str, Any], images: Shaped[Array, "batch height width *channels"]
    ) -> OrderedDict[str, Array]:
        """Returns every step's state, in order; pure, to be jitted, sharded or differentiated.

        Args:
            params: Variables like `self.params`.
            images: As `preprocess` returns them.

        Data parallel: shard the batch axis, and every state comes out sharded the same way (B a multiple of the
        number of devices):

            mesh = jax.sharding.Mesh(jax.devices(), ("batch",))
            split, copied = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (("batch",), ()))
            states = jax.jit(model.apply)(jax.device_put(model.params, copied), jax.device_put(images, split))
        """
        recording = cast(Recording, self.module.apply(params, images))
        return OrderedDict((name, state) for name, _, state in self._chosen(recording))

    def __call__(self, images: Shaped[Array | np.ndarray, "..."]) -> OrderedDict[str, Array]:
        """Returns every step's state, in order; compiled once for each shape of `images`.

        Raises:
            ValueError: Not what `inputs` says: another shape or dtype.
        """
        return self._compiled_apply(self.params, self.inputs.check(images))

    def outputs(self, images: Shaped[Array | np.ndarray, "..."]) -> OrderedDict[str, Array]:
        """Returns what follows the steps: `last_hidden_state`, and `pooler_output` and `logits` where loaded.

        Raises:
            ValueError: Not what `inputs` says: another shape or dtype.
        """
        return self._compiled_outputs(self.params, self.inputs.check(images))

    def untrained(self, seed: int = 0) -> VisionModel:
        """Returns the same architecture with random weights, the control for what training made of this model.

        Everything else (name, preprocessing, granularity, dtype) is this model's.

        Args:
            seed: Of the weights.
        """
        images = self.inputs.example(self.image_size)
        variables = random_variables(self.module, images, seed)
        weights = jax.tree.map(jnp.asarray, variables)
        return dataclasses.replace(self, params=weights, weights_hash=hash_weights(variables))

    def on_host(self) -> VisionModel:
        """Returns the same model with its weights in host memory, from where every call takes them to the device.

        Many models are held that way; `jax.device_put(model.params)` puts one of them back for several calls.
        """
        # Copies: where device and host share their memory, a view would keep the device's array.
        return dataclasses.replace(self, params=jax.tree.map(np.array, self.params))

    @functools.cached_property
    def _compiled_apply(self) -> Callable[..., OrderedDict[str, Array]]:
        return jax.jit(self.apply)

    @functools.cached_property
    def _compiled_outputs(self) -> Callable[..., OrderedDict[str, Array]]:
        def outputs(params: dict[str, Any], images: Array) -> OrderedDict[str, Array]:
            recording = cast(Recording, self.module.apply(params, images))
            return OrderedDict(zip(recording.output_names, recording.outputs, strict=True))

        return jax.jit(outputs)

    def _chosen(self, recording: Recording) -> list[tuple[str, RecordedState, Any]]:
        """Returns the recording's (name, description, state) triples that this granularity shows."""
        pairs = list(zip(recording.descriptions, recording.states, strict=True))
        if self.granularity == "block":
            return [(description.name, description, state) for description, state in pairs if description.block]
        hidden = [pair for pair in pairs if pair[0].hidden]
        return [(f"hidden_states.{i}", description, state) for i, (description, state) in enumerate(hidden)]


def random_variables(module: nn.Module, images: jax.ShapeDtypeStruct, seed: int) -> dict[str, Any]:
    """Returns a module's variables as its initialisers draw them.

    Args:
        module: A Linen module.
        images: Shape and dtype of what it takes.
        seed: Of the draws.

    Example:
        >>> variables = random_variables(nn.Dense(2), jax.ShapeDtypeStruct((1, 3), np.float32), seed=0)
        >>> variables["params"]["kernel"].shape
        (3, 2)
    """
    return jax.tree.map(np.asarray, dict(module.lazy_init(jax.random.key(seed), images)))
