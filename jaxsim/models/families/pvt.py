"""PVT (Wang et al. 2021): a pyramid of transformer stages whose keys and values come from a reduced map."""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.layers.conv_layers import NO_PADDING, convolution
from jaxsim.models.layers.conv_stages import read_stages
from jaxsim.models.layers.vit_layers import Attention, BlockSettings, Mlp, layer_norm
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable, conv, linear, norm, param
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.step import Recorder, Recording, Tokens


@dataclasses.dataclass(frozen=True)
class PvtStage:
    """One stage.

    Attributes:
        block: Settings of its blocks.
        depth: Number of blocks.
        kernel: Of the convolution that makes its patches.
        stride: Of that convolution.
        n_positions: Patches that it has learned positions for.
        reduction: Keys and values are made of cells of this many tokens squared.
    """

    block: BlockSettings
    depth: int
    kernel: int
    stride: int
    n_positions: int
    reduction: int


class PvtBlock(nn.Module):
    """A pre-norm block whose keys and values are cells of the map, each projected to one token."""

    stage: PvtStage
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(
        self, x: Float[Array, "batch tokens features"], grid: tuple[int, int]
    ) -> Float[Array, "batch tokens features"]:
        """Returns the block's residual output for the tokens of a map of `grid`."""
        s = self.stage.block
        branch = layer_norm(s.eps, self.dtype, "norm1")(x)
        context = self._reduced(branch, grid) if self.stage.reduction > 1 else None
        x = x + Attention(s, self.dtype, self.precision, name="attention")(branch, context=context)
        branch = layer_norm(s.eps, self.dtype, "norm2")(x)
        return x + Mlp(s, self.dtype, self.precision, name="mlp")(branch)

    @nn.nowrap
    def _reduced(
        self, x: Float[Array, "batch tokens features"], grid: tuple[int, int]
    ) -> Float[Array, "batch fewer features"]:
        cell, (batch, _, width) = self.stage.reduction, x.shape
        if min(grid) < cell:
            raise ValueError(
                f"images too small: a map of {grid[0]} x {grid[1]} tokens is left where keys and values are "
                f"cells of {cell} x {cell}; use larger images"
            )
        cells = _convolution(width, cell, cell, self.stage.block.init_std, self.dtype, self.precision, "reduction")(
            x.reshape(batch, *grid, width)
        )
        return layer_norm(self.stage.block.eps, self.dtype, "reduction_norm")(cells.reshape(batch, -1, width))


def _convolution(
    features: int, kernel: int, stride: int, std: float, dtype: jnp.dtype, precision: str, name: str
) -> nn.Conv:
    init = nn.initializers.truncated_normal(std)
    return convolution(
        features,
        kernel,
        stride=stride,
        padding=NO_PADDING,
        bias=True,
        init=init,
        dtype=dtype,
        precision=precision,
        name=name,
    )


class Pvt(nn.Module):
    """Stages of blocks, each after new patches and positions; CLS joins in the last one.

    Steps: `embeddings` (of the first stage), `stage0.block0` ..., `norm`. The hidden states of Hugging Face are
    the blocks and the norm.
    """

    stages: tuple[PvtStage, ...]
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"
    n_labels: int = 0

    @nn.compact
    def __call__(self, images: Float[Array, "batch height width colours"]) -> Recording:
        """Returns every step and output for images `[B, H, W, C]`."""
        recorder, last = Recorder(), len(self.stages) - 1
        x, grid, prefix = images, (images.shape[1], images.shape[2]), ()
        for number, stage in enumerate(self.stages):
            prefix = ("cls",) if number == last else ()
            x, grid = self._embed(x.reshape(images.shape[0], *grid, -1), number)
            if number == 0:
                recorder.add("embeddings", x, Tokens(prefix, grid), kind="embeddings")
            for index in range(stage.depth):
                x = PvtBlock(stage, self.dtype, self.precision, name=f"stage{number}_block{index}")(x, grid)
                recorder.add(f"stage{number}.block{index}", x, Tokens(prefix, grid), kind="block", hidden=True)
        x = layer_norm(self.stages[-1].block.eps, self.dtype, "norm")(x)
        recorder.add("norm", x, Tokens(prefix, grid), kind="norm", hidden=True)
        recorder.output("last_hidden_state", x)
        if self.n_labels:
            classifier = nn.Dense(self.n_labels, dtype=self.dtype, precision=self.precision, name="classifier")
            recorder.output("logits", classifier(x[:, 0]))
        return recorder.finish()

    @nn.nowrap
    def _embed(
        self, x: Float[Array, "batch height width channels"], number: int
    ) -> tuple[Float[Array, "batch tokens features"], tuple[int, int]]:
        """Returns the embedded patches of a stage, with CLS in the last one, and their grid."""
        stage, name = self.stages[number], f"stage{number}_embedding"
        s = stage.block
        grid = ((x.shape[1] - stage.kernel) // stage.stride + 1, (x.shape[2] - stage.kernel) // stage.stride + 1)
        if grid[0] * grid[1] != stage.n_positions or min(grid) < 1:
            raise ValueError(
                f"stage {number} gets {grid[0]} x {grid[1]} patches and has positions for {stage.n_positions}; "
                "the original does not resize them: use images of the configuration's image_size"
            )
        x = _convolution(s.hidden_size, stage.kernel, stage.stride, s.init_std, self.dtype, self.precision, name)(x)
        x = layer_norm(s.eps, self.dtype, f"{name}_norm")(x.reshape(x.shape[0], -1, s.hidden_size))
        start = nn.initializers.truncated_normal(s.init_std)
        with_cls = number == len(self.stages) - 1
        if with_cls:
            token = self.param("cls_token", start, (1, 1, s.hidden_size)).astype(x.dtype)
            x = jnp.concatenate([jnp.broadcast_to(token, (x.shape[0], 1, s.hidden_size)), x], axis=1)
        positions = self.param(f"{name}_positions", start, (1, stage.n_positions + with_cls, s.hidden_size))
        return x + positions.astype(x.dtype), grid


def _read_stages(config: ConfigReader) -> tuple[PvtStage, ...]:
    config.read_channels()
    sizes, image = read_stages(config), config("image_size")
    count = len(sizes.depths)
    config.require("num_encoder_blocks", count)
    names = ("patch_sizes", "strides", "num_attention_heads", "mlp_ratios", "sequence_reduction_ratios")
    lists = [tuple(config(name)) for name in names]
    if not isinstance(image, int):
        raise ValueError(f"{config.where}: image_size={image!r}; the original takes square images only, one number")
    if any(len(values) != count for values in lists):
        raise ValueError(f"{config.where}: expected {count} entries, one a stage, in each of {', '.join(names)}")
    if lists[-1][-1] != 1:
        config.refuse("sequence_reduction_ratios", "the original cannot reduce the last stage, where CLS is")
    stages = []
    for number, (patch, kernel, n_heads, ratio, reduction) in enumerate(zip(*lists, strict=True)):
        width = sizes.widths[number]
        # The original counts the patches of later stages from the image, as if the first stage had strides of 4.
        edge = image if number == 0 else image // 2 ** (number + 1)
        block = BlockSettings(
            hidden_size=width,
            n_heads=n_heads,
            mlp_size=int(width * ratio),
            eps=config("layer_norm_eps"),
            activation=config("hidden_act"),
            query_bias=config("qkv_bias"),
            key_bias=config("qkv_bias"),
            value_bias=config("qkv_bias"),
            init_std=config("initializer_range", 0.02),
        )
        # Its convolutions have the strides as kernels and the patch sizes as strides.
        stages.append(PvtStage(block, sizes.depths[number], kernel, patch, (edge // patch) ** 2, reduction))
    return tuple(stages)


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    module = Pvt(_read_stages(config), n_labels=head_size(shapes, "classifier.weight"))
    patches, embedding = "encoder.patch_embeddings.{s}", "stage{s}_embedding"
    layer, block = "encoder.block.{s}.{i}", "stage{s}_block{i}"
    rules = (
        *conv(f"{patches}.projection", embedding),
        *norm(f"{patches}.layer_norm", f"{embedding}_norm"),
        *param(f"{patches}.position_embeddings", f"{embedding}_positions"),
        *param(f"{patches}.cls_token", "cls_token"),
        *norm(f"{layer}.layer_norm_1", f"{block}/norm1"),
        *conv(f"{layer}.attention.self.sequence_reduction", f"{block}/reduction"),
        *norm(f"{layer}.attention.self.layer_norm", f"{block}/reduction_norm"),
        *linear(f"{layer}.attention.self.query", f"{block}/attention/query"),
        *linear(f"{layer}.attention.self.key", f"{block}/attention/key"),
        *linear(f"{layer}.attention.self.value", f"{block}/attention/value"),
        *linear(f"{layer}.attention.output.dense", f"{block}/attention/out"),
        *norm(f"{layer}.layer_norm_2", f"{block}/norm2"),
        *linear(f"{layer}.mlp.dense1", f"{block}/mlp/fc1"),
        *linear(f"{layer}.mlp.dense2", f"{block}/mlp/fc2"),
        *norm("encoder.layer_norm", "norm"),
        *linear("classifier", "classifier"),
    )
    image = config.pair("image_size")
    return Architecture(module, WeightTable(rules, ("pvt.",)), image, PlainPreprocessor(image))


FAMILY = Family(name="pvt", title="PVT", model_types=("pvt",), build=_build)
