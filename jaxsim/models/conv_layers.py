"""The parts that convolutional networks are made of: padding, convolution, batch norm, pooling, stage sizes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.activations import activation
from jaxsim.models.config import ConfigReader
from jaxsim.models.weights import Rule, batch_norm, conv

Padding = tuple[tuple[int, int], tuple[int, int]]

HE_NORMAL = nn.initializers.variance_scaling(2.0, "fan_out", "normal")


def centred_padding(kernel: int, dilation: int = 1) -> Padding:
    """Torch's `padding=(kernel - 1) // 2 * dilation`, the same on all four sides whatever the stride.

    Example:
        >>> centred_padding(3)
        ((1, 1), (1, 1))
    """
    edge = (kernel - 1) // 2 * dilation
    return ((edge, edge), (edge, edge))


def convolution(
    features: int,
    kernel: int | tuple[int, int],
    *,
    stride: int | tuple[int, int] = 1,
    padding: Padding | None = None,
    groups: int = 1,
    dilation: int = 1,
    bias: bool = False,
    init: Callable[..., Any] = HE_NORMAL,
    dtype: jnp.dtype,
    precision: str,
    name: str,
) -> nn.Conv:
    """A convolution with explicit padding: `centred_padding` unless one is given.

    Flax's `"SAME"` pads a strided convolution otherwise than torch does, so it is never used.

    Example:
        >>> layer = convolution(8, 3, stride=2, dtype=jnp.dtype("float32"), precision="highest", name="conv")
        >>> layer.padding
        ((1, 1), (1, 1))
    """
    size = (kernel, kernel) if isinstance(kernel, int) else kernel
    if padding is None:
        rows, columns = (centred_padding(edge, dilation)[0] for edge in size)
        padding = (rows, columns)
    return nn.Conv(
        features,
        size,
        strides=stride,
        padding=padding,
        feature_group_count=groups,
        kernel_dilation=dilation,
        use_bias=bias,
        kernel_init=init,
        dtype=dtype,
        precision=precision,
        name=name,
    )


def running_batch_norm(eps: float, dtype: jnp.dtype, name: str) -> nn.BatchNorm:
    """Batch norm by the stored statistics, as at inference."""
    return nn.BatchNorm(use_running_average=True, epsilon=eps, dtype=dtype, name=name)


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm, activation.

    Attributes:
        features: output channels.
        kernel: edge of the kernel.
        stride: of the convolution.
        groups: of the convolution.
        dilation: of the convolution.
        padding: None for torch's centred one.
        activation: Hugging Face's name of it, None for none.
        eps: of the batch norm.
        bias: whether the convolution has one nevertheless.
    """

    features: int
    kernel: int
    stride: int = 1
    groups: int = 1
    dilation: int = 1
    padding: Padding | None = None
    activation: str | None = None
    eps: float = 1e-5
    bias: bool = False
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Float[Array, "batch h w features"]:
        """Returns the transformed map."""
        x = convolution(
            self.features,
            self.kernel,
            stride=self.stride,
            padding=self.padding,
            groups=self.groups,
            dilation=self.dilation,
            bias=self.bias,
            dtype=self.dtype,
            precision=self.precision,
            name="conv",
        )(x)
        x = running_batch_norm(self.eps, self.dtype, "norm")(x)
        return x if self.activation is None else activation(self.activation)(x)


def conv_norm(
    source: str, target: str, *, conv_name: str = "convolution", norm_name: str = "normalization"
) -> list[Rule]:
    """Rules for a convolution and its batch norm that become a `ConvNorm` at `target`."""
    return [
        *conv(f"{source}.{conv_name}", f"{target}/conv"),
        *batch_norm(f"{source}.{norm_name}", f"{target}/norm"),
    ]


def max_pool(
    x: Float[Array, "batch height width channels"], kernel: int, stride: int, padding: Padding
) -> Float[Array, "batch h w channels"]:
    """Maximum over windows; the padding never wins."""
    return nn.max_pool(x, (kernel, kernel), (stride, stride), padding)


def map_mean(x: Float[Array, "batch height width channels"]) -> Float[Array, "batch channels"]:
    """Mean over the map, taken in float32.

    Example:
        >>> map_mean(jnp.ones((2, 4, 4, 3))).shape
        (2, 3)
    """
    return x.mean(axis=(1, 2), dtype=jnp.float32).astype(x.dtype)


def check_extent(images: Float[Array, "batch height width 3"], smallest: tuple[int, int]) -> None:
    """Refuses images from which nothing would be left after the strides.

    Raises:
        ValueError: height or width is below `smallest`.

    Example:
        >>> check_extent(jnp.zeros((1, 8, 40, 3)), (32, 32))
        Traceback (most recent call last):
            ...
        ValueError: images of 8 x 40 pixels are too small for this model's strides; it needs at least 32 x 32
    """
    height, width = images.shape[1:3]
    if height < smallest[0] or width < smallest[1]:
        raise ValueError(
            f"images of {height} x {width} pixels are too small for this model's strides; "
            f"it needs at least {smallest[0]} x {smallest[1]}"
        )


@dataclasses.dataclass(frozen=True)
class StageSizes:
    """Widths and numbers of blocks of the stages, first to last."""

    widths: tuple[int, ...]
    depths: tuple[int, ...]


def read_stages(config: ConfigReader, widths: str = "hidden_sizes", depths: str = "depths") -> StageSizes:
    """Reads the stages' sizes from a configuration.

    Raises:
        ValueError: the two lists differ in length, are empty or hold numbers below 1.

    Example:
        >>> read_stages(ConfigReader({"hidden_sizes": [8, 16], "depths": [1, 2]}, "config.json"))
        StageSizes(widths=(8, 16), depths=(1, 2))
    """
    sizes = StageSizes(tuple(config(widths)), tuple(config(depths)))
    if len(sizes.widths) != len(sizes.depths) or not sizes.widths or min(*sizes.widths, *sizes.depths) < 1:
        raise ValueError(
            f"{config.where}: {widths}={list(sizes.widths)} and {depths}={list(sizes.depths)}; expected two "
            "lists of positive numbers of the same length, one entry a stage"
        )
    return sizes
