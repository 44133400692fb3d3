"""PoolFormer (Yu et al. 2022): transformer blocks whose tokens mix by average pooling."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.layers.activations import activation
from jaxsim.models.layers.conv_layers import check_extent, convolution, map_mean
from jaxsim.models.layers.conv_stages import StageSizes, map_layout, read_stages, record_stages
from jaxsim.models.layers.vit_layers import LayerScale
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable, conv, linear, norm, param
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.step import Recorder, Recording

# The original's group norms do not follow a configuration.
NORM_EPS = 1e-5


@dataclasses.dataclass(frozen=True)
class PoolFormerSettings:
    """A PoolFormer.

    Attributes:
        sizes: Widths and depths of the stages.
        patches: (kernel, stride, padding) of the convolution before each stage.
        pool_size: Side of the averaged neighbourhood, odd.
        mlp_ratio: Width inside the feed-forward part over the stage's width.
        activation: Hugging Face's name of it.
        layer_scale: Initial value of the branches' learned scale, None without one.
        init_std: Of the random twin's kernels.
        final_norm: Whether the checkpoint has the norm before the classifier.
        n_labels: Classes of the classifier, 0 without one.
    """

    sizes: StageSizes
    patches: tuple[tuple[int, int, int], ...]
    pool_size: int
    mlp_ratio: float
    activation: str
    layer_scale: float | None
    init_std: float
    final_norm: bool
    n_labels: int

    def smallest_extent(self) -> int:
        """Returns the edge of the smallest images that leave a map at the end."""
        edge = 1
        for kernel, stride, padding in reversed(self.patches):
            edge = max(1, (edge - 1) * stride + kernel - 2 * padding)
        return edge


def _group_norm(dtype: jnp.dtype, name: str) -> nn.GroupNorm:
    return nn.GroupNorm(num_groups=1, epsilon=NORM_EPS, use_fast_variance=False, dtype=dtype, name=name)


class PoolFormerBlock(nn.Module):
    """Each pixel moves towards the mean of its neighbourhood, then through a feed-forward part; both residual."""

    settings: PoolFormerSettings
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Float[Array, "batch height width channels"]:
        """Returns the block's residual output."""
        s, width = self.settings, x.shape[-1]
        normed = _group_norm(self.dtype, "norm1")(x)
        # Flax's annotation of `padding` knows only names.
        around = cast(Any, ((s.pool_size // 2,) * 2,) * 2)
        mean = nn.avg_pool(normed, (s.pool_size,) * 2, padding=around, count_include_pad=False).astype(x.dtype)
        x = x + self._scaled(mean - normed, "layer_scale1")
        branch = _group_norm(self.dtype, "norm2")(x)
        branch = activation(s.activation)(self._dense(int(width * s.mlp_ratio), "fc1")(branch))
        return x + self._scaled(self._dense(width, "fc2")(branch), "layer_scale2")

    @nn.nowrap
    def _scaled(self, branch: Array, name: str) -> Array:
        scale = self.settings.layer_scale
        return branch if scale is None else LayerScale(scale, name=name)(branch)

    @nn.nowrap
    def _dense(self, features: int, name: str) -> nn.Conv:
        init = nn.initializers.truncated_normal(self.settings.init_std)
        return convolution(features, 1, bias=True, init=init, dtype=self.dtype, precision=self.precision, name=name)


class PoolFormer(nn.Module):
    """Stages of pooling blocks, each after a strided convolution.

    Steps: `embeddings` (after the first convolution), `stage0.block0` ..., and `norm` where the checkpoint has a
    classifier. The hidden states of Hugging Face are the stages' outputs.
    """

    settings: PoolFormerSettings
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width colours"]) -> Recording:
        """Returns every step and output for images `[B, H, W, C]`."""
        s = self.settings
        edge = s.smallest_extent()
        check_extent(images, (edge, edge))
        recorder = Recorder()
        x = self._embed(images, 0)
        recorder.add("embeddings", x, map_layout(x), kind="embeddings")

        def block(x: Array, stage: int, index: int, name: str) -> Array:
            x = self._embed(x, stage) if stage and not index else x
            return PoolFormerBlock(s, self.dtype, self.precision, name=name)(x)

        x = record_stages(recorder, x, s.sizes, block)
        recorder.output("last_hidden_state", x)
        if s.final_norm:
            x = _group_norm(self.dtype, "norm")(x)
            recorder.add("norm", x, map_layout(x), kind="norm")
        if s.n_labels:
            classifier = nn.Dense(s.n_labels, dtype=self.dtype, precision=self.precision, name="classifier")
            recorder.output("logits", classifier(map_mean(x)))
        return recorder.finish()

    @nn.nowrap
    def _embed(self, x: Array, stage: int) -> Array:
        kernel, stride, padding = self.settings.patches[stage]
        return convolution(
            self.settings.sizes.widths[stage],
            kernel,
            stride=stride,
            padding=((padding, padding), (padding, padding)),
            bias=True,
            init=nn.initializers.truncated_normal(self.settings.init_std),
            dtype=self.dtype,
            precision=self.precision,
            name=f"patch_embedding{stage}",
        )(x)


def _read_settings(config: ConfigReader, shapes: Shapes) -> PoolFormerSettings:
    config.read_channels()
    sizes = read_stages(config)
    config.require("num_encoder_blocks", len(sizes.depths))
    patches = [tuple(config(name)) for name in ("patch_sizes", "strides", "padding")]
    if any(len(values) != len(sizes.depths) for values in patches):
        config.refuse("patch_sizes", "expected one entry of patch_sizes, strides and padding for each stage")
    pool_size = config("pool_size")
    if pool_size % 2 == 0:
        config.refuse("pool_size", "the original needs an odd number")
    config.ignore("patch_size", "stride")  # of no layer: each stage has its own
    scale = config("layer_scale_init_value")
    return PoolFormerSettings(
        sizes=sizes,
        patches=tuple(zip(*patches, strict=False)),
        pool_size=pool_size,
        mlp_ratio=config("mlp_ratio"),
        activation=config("hidden_act"),
        layer_scale=scale if config("use_layer_scale") else None,
        init_std=config("initializer_range", 0.02),
        final_norm="norm.weight" in shapes,
        n_labels=head_size(shapes, "classifier.weight"),
    )


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    settings = _read_settings(config, shapes)
    layer, block = "encoder.block.{s}.{i}", "stage{s}_block{i}"
    rules = (
        *conv("encoder.patch_embeddings.{s}.projection", "patch_embedding{s}"),
        *norm(f"{layer}.before_norm", f"{block}/norm1"),
        *param(f"{layer}.layer_scale_1", f"{block}/layer_scale1/scale"),
        *norm(f"{layer}.after_norm", f"{block}/norm2"),
        *conv(f"{layer}.output.conv1", f"{block}/fc1"),
        *conv(f"{layer}.output.conv2", f"{block}/fc2"),
        *param(f"{layer}.layer_scale_2", f"{block}/layer_scale2/scale"),
        *norm("norm", "norm"),
        *linear("classifier", "classifier"),
    )
    plain = PlainPreprocessor((224, 224), fit="crop", crop_fraction=0.9)
    return Architecture(PoolFormer(settings), WeightTable(rules, ("poolformer.",)), plain.image_size, plain)


FAMILY = Family(name="poolformer", title="PoolFormer", model_types=("poolformer",), build=_build)
