"""The layers that convolutional networks are made of: padded convolution, batch norm, squeeze, pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.layers.activations import activation
from jaxsim.models.loading.weights import Rule, batch_norm, conv

Padding = tuple[tuple[int, int], tuple[int, int]] | Literal["SAME"]

NO_PADDING = ((0, 0), (0, 0))
HE_NORMAL = nn.initializers.variance_scaling(2.0, "fan_out", "normal")


def centred_padding(kernel: int | tuple[int, int], dilation: int = 1) -> tuple[tuple[int, int], tuple[int, int]]:
    """Returns torch's `padding=(kernel - 1) // 2 * dilation`, equal on both sides whatever the stride.

    Example:
        >>> centred_padding((3, 7))
        ((1, 1), (3, 3))
    """
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    rows, columns = (height - 1) // 2 * dilation, (width - 1) // 2 * dilation
    return ((rows, rows), (columns, columns))


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
    """Returns a convolution with torch's padding (`centred_padding`) unless another is given.

    `padding="SAME"` is TensorFlow's: where a stride leaves an odd rest, one more at the bottom and right. It is
    right only for the networks that imitate TensorFlow.

    Example:
        >>> layer = convolution(8, 3, stride=2, dtype=jnp.dtype("float32"), precision="highest", name="conv")
        >>> layer.padding
        ((1, 1), (1, 1))
    """
    size = (kernel, kernel) if isinstance(kernel, int) else kernel
    return nn.Conv(
        features,
        size,
        strides=stride,
        padding=centred_padding(size, dilation) if padding is None else padding,
        feature_group_count=groups,
        kernel_dilation=dilation,
        use_bias=bias,
        kernel_init=init,
        dtype=dtype,
        precision=precision,
        name=name,
        conv_general_dilated=convolved,
    )


def convolved(
    images: Float[Array, "batch height width channels"],
    kernel: Float[Array, "rows columns group features"],
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    **options: Any,
) -> Float[Array, "batch h w features"]:
    """Returns `lax.conv_general_dilated` of NHWC images, faster on CPU where every channel is convolved alone.

    XLA:CPU has no code of its own for depthwise convolutions. A sum of shifted, scaled images it fuses into one
    vectorised loop: 20 times as fast for the 7 x 7 kernels of ConvNeXt, 47 times for 3 x 3 (two AVX-512 threads).

    Args:
        images: `[B, H, W, C]`.
        kernel: `[kh, kw, C / groups, features]`.
        window_strides: Of the convolution.
        padding: "SAME", "VALID" or pairs.
        **options: Further arguments of `lax.conv_general_dilated`.

    Example:
        >>> image, kernel = jnp.ones((1, 3, 3, 2)), jnp.ones((3, 3, 1, 2))
        >>> layout = jax.lax.conv_dimension_numbers(image.shape, kernel.shape, ("NHWC", "HWIO", "NHWC"))
        >>> found = convolved(image, kernel, (1, 1), "SAME", dimension_numbers=layout, feature_group_count=2)
        >>> found[0, :, :, 0].tolist()
        [[4.0, 6.0, 4.0], [6.0, 9.0, 6.0], [4.0, 6.0, 4.0]]
    """
    plain = partial(jax.lax.conv_general_dilated, window_strides=window_strides, padding=padding, **options)
    channels = images.shape[-1]
    depthwise = options.get("feature_group_count") == channels == kernel.shape[-1] != 1
    # A sum in bfloat16 would round after every term.
    if not depthwise or images.dtype != jnp.float32:
        return plain(images, kernel)
    dilation = tuple(options.get("rhs_dilation") or (1, 1))
    if isinstance(padding, str):
        window = [(size - 1) * step + 1 for size, step in zip(kernel.shape[:2], dilation, strict=True)]
        padding = jax.lax.padtype_to_pads(images.shape[1:3], window, window_strides, padding)
    shifted = partial(_sum_of_shifts, strides=tuple(window_strides), padding=tuple(padding), dilation=dilation)
    return jax.lax.platform_dependent(images, kernel, cpu=shifted, default=plain)


def _sum_of_shifts(
    images: Array,
    kernel: Array,
    strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
) -> Array:
    padded = jnp.pad(images, ((0, 0), *padding, (0, 0)))
    spans = [
        (padded.shape[axis + 1] - (kernel.shape[axis] - 1) * dilation[axis] - 1) // strides[axis] * strides[axis] + 1
        for axis in (0, 1)
    ]
    total = jnp.zeros((), images.dtype)
    for row in range(kernel.shape[0]):
        for column in range(kernel.shape[1]):
            top, left = row * dilation[0], column * dilation[1]
            shifted = padded[:, top : top + spans[0] : strides[0], left : left + spans[1] : strides[1]]
            total = total + shifted * kernel[row, column, 0]
    return total


def running_batch_norm(eps: float, dtype: jnp.dtype, name: str) -> nn.BatchNorm:
    """Returns a batch norm by the stored statistics, as at inference."""
    return nn.BatchNorm(use_running_average=True, epsilon=eps, dtype=dtype, name=name)


class ConvNorm(nn.Module):
    """Convolution without bias, batch norm, activation.

    Attributes:
        features: Output channels.
        kernel: Edge of the kernel.
        stride: Of the convolution.
        groups: Of the convolution.
        dilation: Of the convolution.
        padding: See `convolution`.
        activation: Hugging Face's name of it, None for none.
        eps: Of the batch norm.
    """

    features: int
    kernel: int
    stride: int = 1
    groups: int = 1
    dilation: int = 1
    padding: Padding | None = None
    activation: str | None = None
    eps: float = 1e-5
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
            dtype=self.dtype,
            precision=self.precision,
            name="conv",
        )(x)
        x = running_batch_norm(self.eps, self.dtype, "norm")(x)
        return x if self.activation is None else activation(self.activation)(x)


def conv_norm(source: str, target: str, parts: tuple[str, str] = ("convolution", "normalization")) -> list[Rule]:
    """Rules for a convolution and its batch norm that become a `ConvNorm` at `target`.

    Args:
        source: What precedes the names of the two parts.
        target: Path of the `ConvNorm`.
        parts: Names of the convolution and the norm.

    Example:
        >>> conv_norm("stem", "stem")[0].source
        'stem.convolution.weight'
    """
    return [*conv(f"{source}.{parts[0]}", f"{target}/conv"), *batch_norm(f"{source}.{parts[1]}", f"{target}/norm")]


class SqueezeExcite(nn.Module):
    """Scales each channel by a gate computed from the means of all channels (Hu et al. 2018).

    Attributes:
        reduced: Width between the two layers.
        activation: Between the two layers.
        gate: `"sigmoid"` or `"hard_sigmoid"`.
    """

    reduced: int
    activation: str = "relu"
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"
    gate: str = "sigmoid"

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Float[Array, "batch height width channels"]:
        """Returns the gated map."""
        numerics = {"dtype": self.dtype, "precision": self.precision}
        squeezed = map_mean(x)[:, None, None, :]
        squeezed = convolution(self.reduced, 1, bias=True, **numerics, name="reduce")(squeezed)
        squeezed = activation(self.activation)(squeezed)
        gate = convolution(x.shape[-1], 1, bias=True, **numerics, name="expand")(squeezed)
        return x * activation(self.gate)(gate)


def max_pool(
    x: Float[Array, "batch height width channels"],
    kernel: int,
    stride: int,
    padding: tuple[tuple[int, int], tuple[int, int]],
) -> Float[Array, "batch h w channels"]:
    """Returns the maximum over windows; the padding never wins."""
    edges = ((0, 0), *padding, (0, 0))
    return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, kernel, kernel, 1), (1, stride, stride, 1), edges)


def map_mean(x: Float[Array, "batch height width channels"]) -> Float[Array, "batch channels"]:
    """Returns the mean over the map, taken in float32.

    Example:
        >>> map_mean(jnp.ones((2, 4, 4, 3))).shape
        (2, 3)
    """
    return x.mean(axis=(1, 2), dtype=jnp.float32).astype(x.dtype)


def check_extent(images: Float[Array, "batch height width colours"], smallest: tuple[int, int]) -> None:
    """Refuses images from which nothing would be left after the strides.

    Raises:
        ValueError: Height or width is below `smallest`.

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
