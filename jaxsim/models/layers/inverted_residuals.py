"""Networks of inverted residuals: EfficientNet (Tan & Le 2019), MobileNet V2 and V3, MnasNet, configured by block."""

from __future__ import annotations

import dataclasses
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.layers.activations import activation
from jaxsim.models.layers.conv_layers import ConvNorm, Padding, SqueezeExcite, convolution, map_mean
from jaxsim.models.layers.conv_stages import map_layout, record_heads
from jaxsim.models.step import Recorder, Recording, Vector


@dataclasses.dataclass(frozen=True)
class InvertedBlock:
    """One block of the network.

    Attributes:
        kind: `"inverted"`: 1x1 expansion, depthwise convolution, 1x1 projection; `"separable"`: no expansion;
            `"fused"`: one full convolution expands, then the projection; `"plain"`: one full convolution.
        width: Output channels.
        inner: Channels of the depthwise or fused convolution; a plain block has none.
        kernel: Edge of the depthwise, fused or plain kernel.
        stride: Of the same convolution, 1 or 2.
        residual: Whether the input is added.
        squeezed: Width inside the squeeze-and-excitation, 0 without one.
        activation: After all but the last convolution (after the last, too, in a plain block).
        padding: Of the same convolution; None pads as torch does, `"SAME"` as TensorFlow.
        activated_end: Whether a separable block has the activation after its last convolution, too (MobileNet V1).
    """

    kind: Literal["inverted", "separable", "fused", "plain"]
    width: int
    inner: int
    kernel: int
    stride: int
    residual: bool
    squeezed: int
    activation: str
    padding: Padding | None = None
    activated_end: bool = False


@dataclasses.dataclass(frozen=True)
class InvertedNetSettings:
    """A stem, blocks, and what comes after them.

    Attributes:
        stem_width: Channels of the stem.
        blocks: First to last.
        top_width: Channels of the last 1x1 convolution, 0 without one.
        activation: After the stem and the last convolution.
        eps: Of the batch norms.
        pool: `"mean"` or `"max"`, before the classifier.
        stem_padding: Of the strided stem.
        gate: The squeeze's gate, `"sigmoid"` or `"hard_sigmoid"`.
        gate_activation: Inside the squeeze; None for the block's.
        pooled_width: Features of a dense layer between pooling and classifier, 0 without one (MobileNet V3).
        pooled_bias: Whether that layer has a bias.
    """

    stem_width: int
    blocks: tuple[InvertedBlock, ...]
    top_width: int
    activation: str
    eps: float
    pool: str = "mean"
    stem_padding: Padding | None = None
    gate: str = "sigmoid"
    gate_activation: str | None = None
    pooled_width: int = 0
    pooled_bias: bool = True


class InvertedResidual(nn.Module):
    """A block of one of the four kinds of `InvertedBlock`."""

    settings: InvertedNetSettings
    block: InvertedBlock
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Float[Array, "batch h w features"]:
        """Returns the block's output."""
        s, b = self.settings, self.block
        numerics = {"eps": s.eps, "dtype": self.dtype, "precision": self.precision}
        act, branch = b.activation, x
        if b.kind == "plain":
            branch = ConvNorm(
                b.width, b.kernel, b.stride, padding=b.padding, activation=act, **numerics, name="convolution"
            )(branch)
            return branch + x if b.residual else branch
        if b.kind == "fused":
            branch = ConvNorm(
                b.inner, b.kernel, b.stride, padding=b.padding, activation=act, **numerics, name="expand"
            )(branch)
        else:
            if b.kind == "inverted":
                branch = ConvNorm(b.inner, 1, activation=act, **numerics, name="expand")(branch)
            branch = ConvNorm(
                b.inner, b.kernel, b.stride, b.inner, padding=b.padding, activation=act, **numerics, name="depthwise"
            )(branch)
        if b.squeezed:
            branch = SqueezeExcite(
                b.squeezed, s.gate_activation or act, self.dtype, self.precision, gate=s.gate, name="squeeze"
            )(branch)
        end = act if b.activated_end else None
        branch = ConvNorm(b.width, 1, activation=end, **numerics, name="project")(branch)
        return branch + x if b.residual else branch


class InvertedNet(nn.Module):
    """Stem, inverted residuals, a last 1x1 convolution, pooling; every block is a step.

    Steps: `stem`, `block00`, ..., `top` (a convolution before the pooling), `pooled` (a dense layer after it); the
    hidden states of Hugging Face are the stem and the blocks, `top` is the last hidden state.

    Attributes:
        settings: Of the network.
        n_labels: Classes of the classifier, 0 without one.
    """

    settings: InvertedNetSettings
    n_labels: int = 0
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width colours"]) -> Recording:
        """Returns every step and output for images `[B, H, W, C]`."""
        s = self.settings
        recorder = Recorder()
        numerics = {"activation": s.activation, "eps": s.eps, "dtype": self.dtype, "precision": self.precision}
        x = ConvNorm(s.stem_width, 3, 2, padding=s.stem_padding, **numerics, name="stem")(images)
        recorder.add("stem", x, map_layout(x), kind="stem", hidden=True)
        for index, block in enumerate(s.blocks):
            name = f"block{index:02d}"
            x = InvertedResidual(s, block, self.dtype, self.precision, name=name)(x)
            recorder.add(name, x, map_layout(x), kind="block", hidden=True)
        if s.top_width:
            x = ConvNorm(s.top_width, 1, **numerics, name="top")(x)
            recorder.add("top", x, map_layout(x), kind="convolution")
        pooled = map_mean(x) if s.pool == "mean" else x.max(axis=(1, 2))
        if s.pooled_width:
            layer = convolution(
                s.pooled_width, 1, bias=s.pooled_bias, dtype=self.dtype, precision=self.precision, name="pooled"
            )
            pooled = activation(s.activation)(layer(pooled[:, None, None])[:, 0, 0])
            recorder.add("pooled", pooled, Vector(), kind="dense")
        record_heads(recorder, x, pooled, self.n_labels, self.dtype, self.precision)
        return recorder.finish()
