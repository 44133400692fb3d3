"""The ConvNeXt network that ConvNeXt, ConvNeXt V2 and DINOv3's ConvNeXt share."""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.layers.activations import activation
from jaxsim.models.layers.conv_layers import NO_PADDING, check_extent, convolution, map_mean
from jaxsim.models.layers.conv_stages import StageSizes, map_layout, record_heads, record_stages
from jaxsim.models.layers.vit_layers import LayerScale, layer_norm
from jaxsim.models.step import Recorder, Recording, Vector

_EXPANSION = 4


@dataclasses.dataclass(frozen=True)
class ConvNeXtSettings:
    """A ConvNeXt.

    Attributes:
        stages: Widths and depths.
        patch_size: Kernel and stride of the stem.
        activation: Inside the blocks.
        eps: Of the norms in stem, blocks and between stages.
        final_eps: Of the norm after the last stage.
        layer_scale: Initial value of the blocks' learned scale, None without one.
        response_norm: Whether the blocks have ConvNeXt V2's global response normalisation.
        init_std: Of the random twin's kernels.
    """

    stages: StageSizes
    patch_size: tuple[int, int] = (4, 4)
    activation: str = "gelu"
    eps: float = 1e-6
    final_eps: float = 1e-6
    layer_scale: float | None = None
    response_norm: bool = False
    init_std: float = 0.02


class GlobalResponseNorm(nn.Module):
    """Scales each channel by its norm over the map, relative to the mean of all channels' norms.

    Woo et al. 2023, "ConvNeXt V2", algorithm 1.
    """

    eps: float = 1e-6

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Float[Array, "batch height width channels"]:
        """Returns the map plus its rescaled copy."""
        shape = (1, 1, 1, x.shape[-1])
        scale = self.param("scale", nn.initializers.zeros, shape)
        bias = self.param("bias", nn.initializers.zeros, shape)
        wide = x.astype(jnp.float32)
        response = jnp.sqrt(jnp.sum(wide**2, axis=(1, 2), keepdims=True))
        relative = response / (response.mean(axis=-1, keepdims=True) + self.eps)
        return (scale * (wide * relative) + bias + wide).astype(x.dtype)


class ConvNeXtBlock(nn.Module):
    """Depthwise 7x7 convolution, LayerNorm, two dense layers on the channels, scaled and added to the input."""

    settings: ConvNeXtSettings
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Float[Array, "batch height width channels"]:
        """Returns the residual output."""
        s, width = self.settings, x.shape[-1]
        init = nn.initializers.normal(s.init_std)
        numerics = {"dtype": self.dtype, "precision": self.precision}
        branch = convolution(width, 7, groups=width, bias=True, init=init, **numerics, name="depthwise")(x)
        branch = layer_norm(s.eps, self.dtype, "norm")(branch)
        branch = nn.Dense(_EXPANSION * width, kernel_init=init, **numerics, name="fc1")(branch)
        branch = activation(s.activation)(branch)
        if s.response_norm:
            branch = GlobalResponseNorm(name="response_norm")(branch)
        branch = nn.Dense(width, kernel_init=init, **numerics, name="fc2")(branch)
        if s.layer_scale is not None:
            branch = LayerScale(s.layer_scale, name="layer_scale")(branch)
        return x + branch


class ConvNeXt(nn.Module):
    """Patch stem, then stages of blocks with a norm and a strided 2x2 convolution before each but the first.

    Steps: `stem`, `stage0.block0`, ..., and `norm`, the normalised mean of the last map. The hidden states of
    Hugging Face are the stem and each stage's last block.

    Attributes:
        settings: Of the network.
        n_labels: Classes of the classifier, 0 without one.
        stem_is_hidden: Whether the stem is the first of the hidden states.
        final_norm: Whether there is a last norm; a backbone has none.
    """

    settings: ConvNeXtSettings
    n_labels: int = 0
    stem_is_hidden: bool = True
    final_norm: bool = True
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width colours"]) -> Recording:
        """Returns every step and output for images `[B, H, W, C]`."""
        s = self.settings
        shrink = 2 ** (len(s.stages.widths) - 1)
        check_extent(images, (s.patch_size[0] * shrink, s.patch_size[1] * shrink))
        recorder = Recorder()
        self.begin(recorder, images)
        x = self._strided(s.stages.widths[0], s.patch_size, "stem")(images)
        x = layer_norm(s.eps, self.dtype, "stem_norm")(x)
        recorder.add("stem", x, map_layout(x), kind="stem", hidden=self.stem_is_hidden)

        def block(x: Array, stage: int, index: int, name: str) -> Array:
            if stage and not index:
                x = layer_norm(s.eps, self.dtype, f"stage{stage}_norm")(x)
                x = self._strided(s.stages.widths[stage], (2, 2), f"stage{stage}_downsample")(x)
            return ConvNeXtBlock(s, self.dtype, self.precision, name=name)(x)

        x = record_stages(recorder, x, s.stages, block)
        self.heads(recorder, x)
        return recorder.finish()

    @nn.nowrap
    def _strided(self, width: int, size: tuple[int, int], name: str) -> nn.Conv:
        """Returns a convolution whose windows touch but do not overlap."""
        return convolution(
            width,
            size,
            stride=size,
            padding=NO_PADDING,
            bias=True,
            init=nn.initializers.normal(self.settings.init_std),
            dtype=self.dtype,
            precision=self.precision,
            name=name,
        )

    @nn.nowrap
    def begin(self, recorder: Recorder, images: Float[Array, "batch height width colours"]) -> None:
        """Records what comes before the stem; nothing here."""

    @nn.nowrap
    def heads(self, recorder: Recorder, x: Float[Array, "batch height width channels"]) -> None:
        """Records the final norm and the outputs."""
        if not self.final_norm:
            recorder.output("last_hidden_state", x)
            return
        pooled = layer_norm(self.settings.final_eps, self.dtype, "norm")(map_mean(x))
        recorder.add("norm", pooled, Vector(), kind="norm")
        record_heads(recorder, x, pooled, self.n_labels, self.dtype, self.precision)
