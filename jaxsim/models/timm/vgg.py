"""VGG (Simonyan & Zisserman 2014), with and without batch norm, from timm's weights."""

from __future__ import annotations

import dataclasses
import re

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Shapes, head_size
from jaxsim.models.layers.conv_layers import check_extent, convolution, running_batch_norm
from jaxsim.models.layers.conv_stages import map_layout
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable, batch_norm, conv, linear
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.step import Recorder, Recording, Vector

_KERNEL = 7  # of the first dense layer, a convolution over the whole map of 224-pixel images


@dataclasses.dataclass(frozen=True)
class VGGSettings:
    """A VGG.

    Attributes:
        stages: Output channels of every convolution, stage by stage; a 2x2 maximum ends each.
        normed: Whether a batch norm follows each convolution.
        dense: Widths of the two dense layers, empty without them.
    """

    stages: tuple[tuple[int, ...], ...]
    normed: bool
    dense: tuple[int, ...]


class VGG(nn.Module):
    """Stages of 3x3 convolutions with ReLU, then two dense layers.

    Steps: `stage0.conv0`, ... (after the ReLU, before the maximum that ends a stage), `fc1`, `fc2` (the mean over
    the places where images larger than 224 pixels leave more than one). There is no original in transformers:
    under `granularity="hf"` the steps are each stage's last convolution.

    Attributes:
        settings: Of the network.
        n_labels: Classes of the classifier, 0 without one.
    """

    settings: VGGSettings
    n_labels: int = 0
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width colours"]) -> Recording:
        """Returns every step and output for images `[B, H, W, C]`."""
        s = self.settings
        smallest = 2 ** len(s.stages)
        check_extent(images, (smallest, smallest))
        numerics = {"dtype": self.dtype, "precision": self.precision}
        recorder, x = Recorder(), images
        for stage, widths in enumerate(s.stages):
            for index, width in enumerate(widths):
                name = f"stage{stage}_conv{index}"
                x = convolution(width, 3, bias=True, **numerics, name=name)(x)
                if s.normed:
                    x = running_batch_norm(1e-5, self.dtype, f"{name}_norm")(x)
                x = jax.nn.relu(x)
                last = index == len(widths) - 1
                recorder.add(f"stage{stage}.conv{index}", x, map_layout(x), kind="block", hidden=last)
            x = nn.max_pool(x, (2, 2), (2, 2))
        recorder.output("last_hidden_state", x)
        if not s.dense:
            return recorder.finish()
        x = _widened(x)
        for index, (width, kernel) in enumerate(zip(s.dense, (_KERNEL, 1), strict=True)):
            layer = convolution(width, kernel, padding=((0, 0), (0, 0)), bias=True, **numerics, name=f"fc{index + 1}")
            x = jax.nn.relu(layer(x))
            recorder.add(f"fc{index + 1}", x.mean(axis=(1, 2)), Vector(), kind="dense")
        pooled = x.mean(axis=(1, 2))
        recorder.output("pooler_output", pooled)
        if self.n_labels:
            recorder.output("logits", nn.Dense(self.n_labels, **numerics, name="classifier")(pooled))
        return recorder.finish()


def _widened(x: Float[Array, "batch h w channels"]) -> Float[Array, "batch h2 w2 channels"]:
    """Spreads maps of smaller images to the size of the first dense layer, as torch's adaptive mean does."""
    for axis in (1, 2):
        size = x.shape[axis]
        if size < _KERNEL:
            starts = [place * size // _KERNEL for place in range(_KERNEL)]
            ends = [-(-(place + 1) * size // _KERNEL) for place in range(_KERNEL)]
            spread = np.zeros((_KERNEL, size), np.float32)
            for place, (start, end) in enumerate(zip(starts, ends, strict=True)):
                spread[place, start:end] = 1 / (end - start)
            matrix = jnp.asarray(spread, x.dtype)
            x = jnp.moveaxis(jnp.tensordot(matrix, x, (1, axis), precision="highest"), 0, axis)
    return x


def build(name: str, family: str, config: ConfigReader, shapes: Shapes, plain: PlainPreprocessor) -> Architecture:
    """Makes a VGG; see `jaxsim.models.timm.vit.build` for the arguments."""
    config.require("global_pool", "avg", "", None)
    config.ignore("mlp_ratio")
    places = {
        int(found[1]): shape
        for key, shape in shapes.items()
        if (found := re.fullmatch(r"features\.(\d+)\.weight", key)) and len(shape) == 4
    }
    normed = name.endswith("_bn")
    stages: list[list[int]] = [[]]
    rules = []
    expected = 0
    for place in sorted(places):
        if place != expected:  # a maximum lies between
            stages.append([])
        target = f"stage{len(stages) - 1}_conv{len(stages[-1])}"
        rules += conv(f"features.{place}", target)
        if normed:
            rules += batch_norm(f"features.{place + 1}", f"{target}_norm")
        stages[-1].append(places[place][0])
        expected = place + (3 if normed else 2)
    dense = tuple(
        shapes[f"pre_logits.fc{index}.weight"][0] for index in (1, 2) if f"pre_logits.fc{index}.weight" in shapes
    )
    rules += [*conv("pre_logits.fc1", "fc1"), *conv("pre_logits.fc2", "fc2"), *linear("head.fc", "classifier")]
    settings = VGGSettings(tuple(tuple(widths) for widths in stages), normed, dense)
    module = VGG(settings, n_labels=head_size(shapes, "head.fc.weight"))
    return Architecture(module, WeightTable(tuple(rules)), plain.image_size, plain)
