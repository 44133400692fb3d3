"""Small models with the interface of `jaxsim.models.VisionModel`, for the tests of this room."""

import dataclasses
import hashlib
import time
from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import jax.numpy as jnp
import numpy as np
from PIL import Image

from jaxsim.models import Map, Step, Tokens, Vector


@dataclasses.dataclass(frozen=True)
class TinyModel:
    """Steps of every layout, with names whose alphabetic order is not their order."""

    name: str = "tiny"
    seed: int = 0
    family: str = "tiny"
    source: str = "tests"
    granularity: str = "block"
    mean: float = 0.5
    seconds_per_image: float = 0.0
    cls: bool = True
    blow_up_above: float = np.inf
    only: tuple = ()
    compilations: list = dataclasses.field(default_factory=list)

    @property
    def module(self) -> Any:
        return SimpleNamespace(dtype="float32", precision="highest")

    @property
    def params(self) -> Any:
        rng = np.random.default_rng(self.seed)
        return {name: rng.normal(size=shape).astype(np.float32) for name, shape in (("w", (48, 6)), ("v", (6, 5)))}

    @property
    def layouts(self) -> dict[str, str]:
        return {step.name: repr(step.layout) for step in self.steps}

    @property
    def weights_hash(self) -> str:
        return hashlib.sha256(self.params["w"].tobytes()).hexdigest()

    @property
    def preprocessing(self) -> dict[str, Any]:
        return {"image_size": (8, 12), "mean": self.mean}

    @property
    def prefix(self) -> tuple[str, ...]:
        return ("register", "cls", "register") if self.cls else ()

    @property
    def steps(self) -> tuple[Step, ...]:
        tokens = Tokens(self.prefix, (2, 3))
        found = (
            Step("stem", "stem", 0.0, tokens, 6),
            Step("block.b", "block", 0.5, tokens, 6),
            *(() if self.cls else (Step("a/map", "stage", 0.75, Map((2, 3)), 5),)),
            Step("Out", "norm", 1.0, Vector(), 5),
        )
        return tuple(step for step in found if not self.only or step.name in self.only)

    def preprocess(self, images):
        time.sleep(self.seconds_per_image * len(images))
        resized = [np.asarray(Image.fromarray(image).resize((12, 8))) for image in images]
        return np.stack(resized).astype(np.float32) / 255 - self.mean

    def apply(self, params, images):
        self.compilations.append(images.shape)
        patches = images.reshape(-1, 2, 4, 3, 4, 3).transpose(0, 1, 3, 2, 4, 5).reshape(-1, 6, 48)
        patches = patches @ params["w"]
        prefix = jnp.stack([jnp.cos(patches.mean(1) + i) for i in range(len(self.prefix))] or [patches[:, 0]], axis=1)
        stem = jnp.concatenate([prefix[:, : len(self.prefix)], patches], axis=1)
        block = jnp.tanh(stem) * 3
        feature_map = jnp.maximum(block[:, len(self.prefix) :] @ params["v"], 0).reshape(-1, 2, 3, 5)
        out = feature_map.mean((1, 2))
        out = jnp.where(out.sum(-1, keepdims=True) > self.blow_up_above, jnp.nan, out)
        maps = {} if self.cls else {"a/map": feature_map}
        states = {"stem": stem, "block.b": block} | maps | {"Out": out}
        return OrderedDict({step.name: states[step.name] for step in self.steps})
