"""DenseNet (Huang et al. 2017), from timm's weights."""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Shapes, head_size
from jaxsim.models.layers.conv_layers import (
    ConvNorm,
    centred_padding,
    check_extent,
    convolution,
    map_mean,
    max_pool,
    running_batch_norm,
)
from jaxsim.models.layers.conv_stages import map_layout, record_heads
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, batch_norm, conv, linear
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.step import Recorder, Recording
from jaxsim.models.timm.conv import count, normed_conv

_EPS = 1e-5


@dataclasses.dataclass(frozen=True)
class DenseNetSettings:
    """A DenseNet.

    Attributes:
        stem_width: Channels of the stem.
        depths: Layers of each stage.
        growth: Channels that each layer adds.
        inner: Channels between the two convolutions of a layer.
        transitions: Channels of the convolution after each stage but the last.
    """

    stem_width: int
    depths: tuple[int, ...]
    growth: int
    inner: int
    transitions: tuple[int, ...]


class DenseNet(nn.Module):
    """Stages of layers each of which sees the outputs of all before it in its stage.

    Steps: `stem`, `stage0.layer0`, ... (everything that the next layer sees, so each has more features than the one
    before), `transition0`, ..., `norm` (after its ReLU). There is no original in transformers: under
    `granularity="hf"` the steps are the stem and each stage's last layer.

    Attributes:
        settings: Of the network.
        n_labels: Classes of the classifier, 0 without one.
    """

    settings: DenseNetSettings
    n_labels: int = 0
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width colours"]) -> Recording:
        """Returns every step and output for images `[B, H, W, C]`."""
        s = self.settings
        check_extent(images, (2 ** (len(s.depths) + 1),) * 2)
        recorder = Recorder()
        numerics = {"dtype": self.dtype, "precision": self.precision}
        x = ConvNorm(s.stem_width, 7, 2, activation="relu", **numerics, name="stem")(images)
        x = max_pool(x, 3, 2, centred_padding(3))
        recorder.add("stem", x, map_layout(x), kind="stem", hidden=True)
        for stage, depth in enumerate(s.depths):
            for index in range(depth):
                name = f"stage{stage}_layer{index}"
                new = self._normed_conv(x, s.inner, 1, f"{name}_1")
                x = jnp.concatenate([x, self._normed_conv(new, s.growth, 3, f"{name}_2")], axis=-1)
                last = index == depth - 1
                recorder.add(f"stage{stage}.layer{index}", x, map_layout(x), kind="block", hidden=last)
            if stage < len(s.transitions):
                x = self._normed_conv(x, s.transitions[stage], 1, f"transition{stage}")
                x = nn.avg_pool(x, (2, 2), (2, 2))
                recorder.add(f"transition{stage}", x, map_layout(x), kind="convolution")
        x = jax.nn.relu(running_batch_norm(_EPS, self.dtype, "norm")(x))
        recorder.add("norm", x, map_layout(x), kind="norm")
        record_heads(recorder, x, map_mean(x), self.n_labels, self.dtype, self.precision)
        return recorder.finish()

    @nn.nowrap
    def _normed_conv(self, x: Array, width: int, kernel: int, name: str) -> Array:
        """Returns batch norm, ReLU and convolution of a map, in this order."""
        x = jax.nn.relu(running_batch_norm(_EPS, self.dtype, f"{name}_norm")(x))
        return convolution(width, kernel, dtype=self.dtype, precision=self.precision, name=f"{name}_conv")(x)


def build(name: str, family: str, config: ConfigReader, shapes: Shapes, plain: PlainPreprocessor) -> Architecture:
    """Returns a DenseNet; see `jaxsim.models.timm.vit.build` for the arguments."""
    config.require("global_pool", "avg", "", None)
    config.ignore("growth_rate", "block_config", "bn_size")
    n_stages = count(shapes, r"features\.denseblock(\d+)\.")
    depths = tuple(count(shapes, rf"features\.denseblock{stage + 1}\.denselayer(\d+)\.") for stage in range(n_stages))
    rules: list[Rule] = [
        *normed_conv("features.conv0", "features.norm0", "stem"),
        *batch_norm("features.norm5", "norm"),
        *linear("classifier", "classifier"),
    ]
    # Blocks, layers and transitions are counted from 1.
    for stage, depth in enumerate(depths):
        for index in range(depth):
            source, target = f"features.denseblock{stage + 1}.denselayer{index + 1}", f"stage{stage}_layer{index}"
            for part in (1, 2):
                rules += batch_norm(f"{source}.norm{part}", f"{target}_{part}_norm")
                rules += conv(f"{source}.conv{part}", f"{target}_{part}_conv")
        rules += batch_norm(f"features.transition{stage + 1}.norm", f"transition{stage}_norm")
        rules += conv(f"features.transition{stage + 1}.conv", f"transition{stage}_conv")
    settings = DenseNetSettings(
        stem_width=shapes["features.conv0.weight"][0],
        depths=depths,
        growth=shapes["features.denseblock1.denselayer1.conv2.weight"][0],
        inner=shapes["features.denseblock1.denselayer1.conv1.weight"][0],
        transitions=tuple(shapes[f"features.transition{stage + 1}.conv.weight"][0] for stage in range(n_stages - 1)),
    )
    module = DenseNet(settings, n_labels=head_size(shapes, "classifier.weight"))
    return Architecture(module, WeightTable(tuple(rules)), plain.image_size, plain)
