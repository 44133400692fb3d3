"""Hiera (Ryali et al. 2023): stages of plain transformer blocks; queries are pooled where a stage begins."""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.layers.conv_layers import convolution, max_pool
from jaxsim.models.layers.conv_stages import StageSizes
from jaxsim.models.layers.positions import resize_grid
from jaxsim.models.layers.softmax import softmax_mean
from jaxsim.models.layers.vit_layers import BlockSettings, Mlp, layer_norm
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable, conv, fused_linear, linear, norm, param
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.step import Recorder, Recording, Tokens, Vector

_STRIDE = 2


@dataclasses.dataclass(frozen=True)
class HieraSettings:
    """A Hiera.

    Attributes:
        stages: Widths and numbers of blocks.
        n_heads: Attention heads of each stage.
        in_windows: Whether a stage's tokens attend inside windows alone; the first block of the stage that follows
            does as the stage before it.
        window: Side of the windows of the first stage, in tokens; each later stage halves it.
        patch_size: (height, width) of the convolution that makes tokens.
        patch_stride: Its stride.
        patch_padding: Its padding.
        grid: Rows and columns of tokens that the configuration was made for.
        mlp_ratio: Width inside the feed-forward part over the stage's width.
        activation: Hugging Face's name of it.
        eps: Of the norms.
        init_std: Of the random twin's kernels.
    """

    stages: StageSizes
    n_heads: tuple[int, ...]
    in_windows: tuple[bool, ...]
    window: int
    patch_size: tuple[int, int]
    patch_stride: tuple[int, int]
    patch_padding: tuple[int, int]
    grid: tuple[int, int]
    mlp_ratio: float = 4.0
    activation: str = "gelu"
    eps: float = 1e-6
    init_std: float = 0.02


class HieraBlock(nn.Module):
    """A pre-norm block whose tokens attend inside windows or everywhere; the first of a stage pools its queries.

    Attributes:
        settings: Of the block, its heads among them.
        window: Side of the windows in tokens, before any pooling; None for all tokens.
        pooled: Whether the map is halved in both directions.
    """

    settings: BlockSettings
    window: int | None
    pooled: bool
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, x: Float[Array, "batch height width channels"]) -> Float[Array, "batch h w features"]:
        """Returns the block's residual output."""
        s = self.settings
        normed = layer_norm(s.eps, self.dtype, "norm1")(x)
        if x.shape[-1] != s.hidden_size:
            x = self._dense("shortcut")(normed)
        if self.pooled:
            x = _halved(x)
        x = x + self._attended(normed)
        batch, height, width, features = x.shape
        tokens = x.reshape(batch, height * width, features)
        tokens = tokens + Mlp(s, self.dtype, self.precision, name="mlp")(layer_norm(s.eps, self.dtype, "norm2")(tokens))
        return tokens.reshape(x.shape)

    @nn.nowrap
    def _attended(self, normed: Float[Array, "batch height width channels"]) -> Float[Array, "batch h w features"]:
        s = self.settings
        query, key, value = (self._dense(name)(normed) for name in ("query", "key", "value"))
        if self.pooled:
            query = _halved(query)
        batch, height, width, _ = query.shape
        tall, wide = key.shape[1:3] if self.window is None else (self.window, self.window)
        query, key, value = (
            _windows(each, each.shape[1] * tall // key.shape[1], each.shape[2] * wide // key.shape[2], s.n_heads)
            for each in (query, key, value)
        )
        scores = jnp.einsum("bhqd,bhkd->bhqk", query, key, precision=self.precision).astype(jnp.float32)
        mixed = softmax_mean(scores * query.shape[-1] ** -0.5, value, self.precision)
        rows, columns = normed.shape[1] // tall, normed.shape[2] // wide
        # From windows back to the map, heads side by side.
        mixed = mixed.reshape(batch, rows, columns, s.n_heads, height // rows, width // columns, -1)
        mixed = mixed.transpose(0, 1, 4, 2, 5, 3, 6).reshape(batch, height, width, s.hidden_size)
        return self._dense("out")(mixed)

    @nn.nowrap
    def _dense(self, name: str) -> nn.Dense:
        init = nn.initializers.truncated_normal(self.settings.init_std)
        numerics = {"dtype": self.dtype, "precision": self.precision}
        return nn.Dense(self.settings.hidden_size, kernel_init=init, **numerics, name=name)


def _halved(x: Array) -> Array:
    """Returns the maximum over 2 x 2 neighbours."""
    return max_pool(x, _STRIDE, _STRIDE, ((0, 0), (0, 0)))


def _windows(x: Array, tall: int, wide: int, n_heads: int) -> Array:
    """Returns the windows of a map with the heads apart, `[batch * windows, heads, tokens, head_dim]`."""
    batch, height, width, features = x.shape
    x = x.reshape(batch, height // tall, tall, width // wide, wide, n_heads, features // n_heads)
    return x.transpose(0, 1, 3, 5, 2, 4, 6).reshape(-1, n_heads, tall * wide, features // n_heads)


class Hiera(nn.Module):
    """Tokens from an overlapping convolution, stages of blocks, and the norm of the tokens' mean.

    Steps: `embeddings`, `stage0.block0`, ..., `norm`; the hidden states of Hugging Face are the embeddings and each
    stage's last block, here with the tokens row by row (the original keeps them window by window).

    Attributes:
        settings: Of the network.
        n_labels: Classes of the classifier, 0 without one.
        final_norm: Whether there is a norm on the mean of the tokens.
    """

    settings: HieraSettings
    n_labels: int = 0
    final_norm: bool = True
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width colours"]) -> Recording:
        """Returns every step and output for images `[B, H, W, C]`.

        Raises:
            ValueError: The images do not give whole windows.
        """
        s = self.settings
        recorder = Recorder()
        x = self._embedded(images)
        _record(recorder, "embeddings", x, kind="embeddings", hidden=True)
        for stage, (width, depth) in enumerate(zip(s.stages.widths, s.stages.depths, strict=True)):
            settings = BlockSettings(
                hidden_size=width,
                n_heads=s.n_heads[stage],
                mlp_size=int(width * s.mlp_ratio),
                eps=s.eps,
                activation=s.activation,
                init_std=s.init_std,
            )
            for index in range(depth):
                pooled = stage > 0 and index == 0
                before = stage - 1 if pooled else stage
                window = s.window // _STRIDE**before if s.in_windows[before] or s.in_windows[stage] else None
                name = f"stage{stage}_block{index}"
                x = HieraBlock(settings, window, pooled, self.dtype, self.precision, name=name)(x)
                _record(recorder, f"stage{stage}.block{index}", x, kind="block", hidden=index == depth - 1)
        recorder.output("last_hidden_state", x.reshape(x.shape[0], -1, x.shape[-1]))
        if self.final_norm:
            pooled_tokens = layer_norm(s.eps, self.dtype, "norm")(x.mean((1, 2)))
            recorder.add("norm", pooled_tokens, Vector(), kind="norm")
            recorder.output("pooler_output", pooled_tokens)
            if self.n_labels:
                classifier = nn.Dense(self.n_labels, dtype=self.dtype, precision=self.precision, name="classifier")
                recorder.output("logits", classifier(pooled_tokens))
        return recorder.finish()

    @nn.nowrap
    def _embedded(self, images: Float[Array, "batch height width colours"]) -> Float[Array, "batch h w features"]:
        s = self.settings
        rows, columns = s.patch_padding
        x = convolution(
            s.stages.widths[0],
            s.patch_size,
            stride=s.patch_stride,
            padding=((rows, rows), (columns, columns)),
            bias=True,
            init=nn.initializers.truncated_normal(s.init_std),
            dtype=self.dtype,
            precision=self.precision,
            name="patch_embedding",
        )(images)
        grid = x.shape[1], x.shape[2]
        if grid[0] % s.window or grid[1] % s.window:
            edges = [s.window * stride for stride in s.patch_stride]
            raise ValueError(
                f"images of {images.shape[1]} x {images.shape[2]} pixels give {grid[0]} x {grid[1]} tokens, which are "
                f"no whole windows of {s.window} x {s.window}: use multiples of {edges[0]} x {edges[1]} pixels"
            )
        shape = (1, s.grid[0] * s.grid[1], x.shape[-1])
        table = self.param("position_embeddings", nn.initializers.truncated_normal(s.init_std), shape)
        return x + resize_grid(table.reshape(*s.grid, -1), grid, "bicubic").astype(x.dtype)


def _record(recorder: Recorder, name: str, x: Array, *, kind: str, hidden: bool) -> None:
    grid = x.shape[1], x.shape[2]
    recorder.add(name, x.reshape(x.shape[0], -1, x.shape[-1]), Tokens((), grid), kind=kind, hidden=hidden)


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    config.read_channels()
    config.ignore("mask_ratio", "normalize_pixel_loss", "hidden_size", "layer_norm_init", "decoder_hidden_size")
    config.ignore("decoder_depth", "decoder_num_heads")  # of masked training, or following from other sizes
    depths, n_heads, in_windows = (tuple(config(name)) for name in ("depths", "num_heads", "masked_unit_attention"))
    if not len(depths) == len(n_heads) == len(in_windows) or not depths or min(depths) < 1:
        raise ValueError(
            f"{config.where}: depths={list(depths)}, num_heads={list(n_heads)} and masked_unit_attention="
            f"{list(in_windows)}; expected lists of one length, one entry for each stage, of at least one block"
        )
    window = _STRIDE ** (len(depths) - 1)
    config.require("num_query_pool", len(depths) - 1)
    config.require("query_stride", [_STRIDE, _STRIDE], (_STRIDE, _STRIDE))
    config.require("masked_unit_size", [window, window], (window, window))
    image, stride = config.pair("image_size"), config.pair("patch_stride")
    multiplier = config("embed_dim_multiplier")
    if multiplier == 1:
        config.refuse("embed_dim_multiplier", "expected stages that grow in width")
    widths = tuple(int(config("embed_dim") * multiplier**stage) for stage in range(len(depths)))
    settings = HieraSettings(
        stages=StageSizes(widths, depths),
        n_heads=n_heads,
        in_windows=tuple(map(bool, in_windows)),
        window=window,
        patch_size=config.pair("patch_size"),
        patch_stride=stride,
        patch_padding=config.pair("patch_padding"),
        grid=(image[0] // stride[0], image[1] // stride[1]),
        mlp_ratio=config("mlp_ratio"),
        activation=config("hidden_act"),
        eps=config("layer_norm_eps"),
        init_std=config("initializer_range"),
    )
    layer, block = "encoder.stages.{s}.layers.{b}", "stage{s}_block{b}"
    table = WeightTable(
        rules=(
            *conv("embeddings.patch_embeddings.projection", "patch_embedding"),
            *param("embeddings.position_embeddings", "position_embeddings"),
            *norm(f"{layer}.layernorm_before", f"{block}/norm1"),
            *fused_linear(f"{layer}.attn.qkv", (f"{block}/{part}" for part in ("query", "key", "value"))),
            *linear(f"{layer}.attn.proj", f"{block}/out"),
            *linear(f"{layer}.proj", f"{block}/shortcut"),
            *norm(f"{layer}.layernorm_after", f"{block}/norm2"),
            *linear(f"{layer}.mlp.fc1", f"{block}/mlp/fc1"),
            *linear(f"{layer}.mlp.fc2", f"{block}/mlp/fc2"),
            *norm("pooler.layernorm", "norm"),
            *linear("classifier", "classifier"),
        ),
        prefixes=("hiera.",),
        extras=("decoder.*", "encoder_norm.*", "multiscale_fusion.*"),
    )
    has_norm = not shapes or bool(head_size(shapes, "pooler.layernorm.weight", "hiera.pooler.layernorm.weight"))
    module = Hiera(settings, head_size(shapes, "classifier.weight"), final_norm=has_norm)
    plain = PlainPreprocessor(image, fit="crop", crop_fraction=0.875)
    return Architecture(module, table, image, plain)


FAMILY = Family(name="hiera", title="Hiera", model_types=("hiera",), build=_build)
