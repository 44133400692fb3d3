"""ImageGPT (Chen et al. 2020): every pixel is a token, the nearest of a few hundred colours."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from PIL import Image

from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.inputs import TokenIds
from jaxsim.models.layers.vit_layers import Attention, BlockSettings, Mlp
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, param
from jaxsim.models.preprocessing.preprocessors import HALF, PlainPreprocessor
from jaxsim.models.preprocessing.processor_settings import channel_values, read_processor_settings, require_settings
from jaxsim.models.step import Recorder, Recording, Tokens


@dataclasses.dataclass(frozen=True)
class ColourPreprocessor(PlainPreprocessor):
    """Resizes images, scales them to -1 .. 1 and numbers each pixel by its nearest colour.

    Attributes:
        colours: The palette, (red, green, blue) in -1 .. 1 each; empty where the checkpoint brings none.

    Example:
        >>> palette = ((-1.0, -1.0, -1.0), (1.0, 1.0, 1.0))
        >>> ColourPreprocessor((1, 2), HALF, HALF, colours=palette)([np.full((1, 2, 3), 200, np.uint8)])
        array([[[1, 1]]], dtype=int32)
    """

    colours: tuple[tuple[float, float, float], ...] = ()

    @property
    def description(self) -> dict[str, Any]:
        """What it does, JSON-able; the palette as its size and hash."""
        palette = np.asarray(self.colours, np.float64)
        plain = {name: value for name, value in super().description.items() if name != "colours"}
        digest = hashlib.sha256(palette.tobytes()).hexdigest()
        return {**plain, "processor": "colours", "n_colours": len(palette), "colours_sha256": digest}

    def __call__(self, images: Sequence[np.ndarray]) -> Int[np.ndarray, "batch height width"]:
        """Returns token ids `[B, H, W]`, int32.

        Raises:
            ValueError: The checkpoint brought no palette.
        """
        if not self.colours:
            raise ValueError(
                "the checkpoint has no colours to number the pixels by: add its preprocessor_config.json, "
                "which lists them as 'clusters', or call the model on token ids"
            )
        palette = np.asarray(self.colours, np.float64)
        ids = [self._nearest(picture.astype(np.float64), palette) for picture in super().__call__(images)]
        return np.stack(ids)

    @staticmethod
    def _nearest(picture: np.ndarray, palette: np.ndarray) -> np.ndarray:
        # The pixel's own squared length does not change which colour is nearest.
        return np.argmin((palette**2).sum(1) - 2 * picture @ palette.T, axis=-1).astype(np.int32)


@dataclasses.dataclass(frozen=True)
class ImageGPTSettings:
    """An ImageGPT.

    Attributes:
        block: Settings of every block, without its attention scale.
        n_blocks: Number of blocks.
        n_tokens: Size of the vocabulary: the colours and a start token.
        n_positions: Longest sequence.
        scale_scores: Whether attention scores are divided by the square root of the head's width.
        scale_by_block: Whether those of block i are also divided by i + 1.
        n_labels: Classes of the classifier, 0 without one.
        n_predicted: Colours that the language-modelling head predicts, 0 without one.
    """

    block: BlockSettings
    n_blocks: int
    n_tokens: int
    n_positions: int
    scale_scores: bool = True
    scale_by_block: bool = False
    n_labels: int = 0
    n_predicted: int = 0

    def of_block(self, index: int) -> BlockSettings:
        """Returns the settings of one block."""
        head_dim = self.block.hidden_size // self.block.n_heads
        scale = (head_dim**-0.5 if self.scale_scores else 1.0) / (index + 1 if self.scale_by_block else 1)
        return dataclasses.replace(self.block, attention_scale=scale)


class CausalBlock(nn.Module):
    """A pre-norm block with RMS norms, whose tokens attend to themselves and those before."""

    settings: BlockSettings
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, x: Float[Array, "batch tokens features"]) -> Float[Array, "batch tokens features"]:
        """Returns the block's residual output."""
        s = self.settings
        seen = np.tri(x.shape[1], dtype=bool)
        bias = jnp.asarray(np.where(seen, 0, -np.inf).astype(np.float32))[None, None]
        branch = _rms_norm(s.eps, self.dtype, "norm1")(x)
        x = x + Attention(s, self.dtype, self.precision, name="attention")(branch, bias)
        branch = _rms_norm(s.eps, self.dtype, "norm2")(x)
        return x + Mlp(s, self.dtype, self.precision, name="mlp")(branch)


def _rms_norm(eps: float, dtype: jnp.dtype, name: str) -> nn.RMSNorm:
    return nn.RMSNorm(epsilon=eps, use_fast_variance=False, dtype=dtype, name=name)


class ImageGPT(nn.Module):
    """Token and position embeddings, causal blocks, RMS norm.

    Steps: `embeddings`, `block00` ..., `norm`. Hugging Face's last hidden state is after the norm, so the last
    block is a step of its own only with `granularity="block"`.
    """

    settings: ImageGPTSettings
    dtype: jnp.dtype = jnp.dtype("float32")
    precision: str = "highest"

    @nn.compact
    def __call__(self, ids: Int[Array, "batch height width"]) -> Recording:
        """Returns every step and output for token ids `[B, H, W]`."""
        s = self.settings
        batch, *edges = ids.shape
        grid = (edges[0], edges[1])
        if grid[0] * grid[1] > s.n_positions:
            raise ValueError(
                f"images of {grid[0]} x {grid[1]} pixels have more tokens than the model has positions, "
                f"{s.n_positions}; use smaller images"
            )
        start = nn.initializers.normal(s.block.init_std)
        tokens = self.param("token_embeddings", start, (s.n_tokens, s.block.hidden_size))
        positions = self.param("position_embeddings", start, (s.n_positions, s.block.hidden_size))
        x = (tokens[ids.reshape(batch, -1)] + positions[: grid[0] * grid[1]]).astype(self.dtype)
        recorder, layout = Recorder(), Tokens((), grid)
        recorder.add("embeddings", x, layout, kind="embeddings", hidden=True)
        for index in range(s.n_blocks):
            name = f"block{index:02d}"
            x = CausalBlock(s.of_block(index), self.dtype, self.precision, name=name)(x)
            recorder.add(name, x, layout, kind="block", hidden=index < s.n_blocks - 1)
        x = _rms_norm(s.block.eps, self.dtype, "norm")(x)
        recorder.add("norm", x, layout, kind="norm", hidden=True)
        recorder.output("last_hidden_state", x)
        if s.n_labels:
            recorder.output("logits", self._head(s.n_labels, "classifier")(x.mean(1)))
        if s.n_predicted:
            recorder.output("logits", self._head(s.n_predicted, "predictor")(x))
        return recorder.finish()

    @nn.nowrap
    def _head(self, size: int, name: str) -> nn.Dense:
        return nn.Dense(size, use_bias=False, dtype=self.dtype, precision=self.precision, name=name)


def _colour_preprocessor(directory: Path, size: tuple[int, int] | None, n_tokens: int) -> ColourPreprocessor:
    """Reads the palette and the size from the checkpoint's processor file.

    Transformers' own processor needs torch.
    """
    where, settings = read_processor_settings(directory)
    switches = ("do_resize", "do_rescale", "do_normalize", "do_color_quantize")
    require_settings(where, settings, {"rescale_factor": 1 / 255, **dict.fromkeys(switches, True)})
    colours = np.asarray(settings.get("clusters") or np.zeros((0, 3)), np.float64)
    if colours.ndim != 2 or colours.shape[1] != 3 or not np.isfinite(colours).all() or len(colours) > n_tokens:
        raise ValueError(
            f"{where}: clusters have shape {colours.shape}; expected one finite (red, green, blue) for each "
            f"token, at most {n_tokens}"
        )
    edges = settings.get("size", {"height": 256, "width": 256})
    edges = {"height": edges, "width": edges} if isinstance(edges, int) else edges
    if size is None and not (isinstance(edges, dict) and {"height", "width"} <= set(edges)):
        raise ValueError(f"{where}: size={edges!r}; expected height and width. Pass image_size=(height, width).")
    return ColourPreprocessor(
        image_size=size or (int(edges["height"]), int(edges["width"])),
        mean=channel_values(where, settings, "image_mean", HALF),
        std=channel_values(where, settings, "image_std", HALF),
        resample=cast(Any, Image.Resampling(settings.get("resample", 2)).name.lower()),
        reason=Path(where).name,
        colours=tuple(map(tuple, colours.tolist())),
    )


def _projection(source: str, targets: Sequence[str]) -> list[Rule]:
    """Rules for transformers' `Conv1D`, whose weight is (in, out): one projection or several side by side."""
    n = len(targets)
    return [
        Rule(f"{source}.weight", tuple(f"{t}/kernel" for t in targets), lambda w: np.split(w, n, axis=1)),
        Rule(f"{source}.bias", tuple(f"{t}/bias" for t in targets), lambda b: np.split(b, n, axis=0)),
    ]


def _rules() -> tuple[Rule, ...]:
    layer, block = "h.{i}", "block{i:02d}"
    return (
        *param("wte.weight", "token_embeddings"),
        *param("wpe.weight", "position_embeddings"),
        *param(f"{layer}.ln_1.weight", f"{block}/norm1/scale"),
        *_projection(f"{layer}.attn.c_attn", [f"{block}/attention/{part}" for part in ("query", "key", "value")]),
        *_projection(f"{layer}.attn.c_proj", [f"{block}/attention/out"]),
        *param(f"{layer}.ln_2.weight", f"{block}/norm2/scale"),
        *_projection(f"{layer}.mlp.c_fc", [f"{block}/mlp/fc1"]),
        *_projection(f"{layer}.mlp.c_proj", [f"{block}/mlp/fc2"]),
        *param("ln_f.weight", "norm/scale"),
        *param("score.weight", "classifier/kernel", np.transpose),
        *param("lm_head.weight", "predictor/kernel", np.transpose),
    )


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    width, n_tokens = config("n_embd"), config("vocab_size")
    config.require("add_cross_attention", False)
    # Dropout; a safer order of operations for half precision, where our softmax is in float32 anyway.
    config.ignore("resid_pdrop", "embd_pdrop", "attn_pdrop", "reorder_and_upcast_attn")
    settings = ImageGPTSettings(
        block=BlockSettings(
            hidden_size=width,
            n_heads=config("n_head"),
            mlp_size=config("n_inner") or 4 * width,
            eps=config("layer_norm_epsilon"),
            activation=config("activation_function"),
            init_std=config("initializer_range", 0.02),
        ),
        n_blocks=config("n_layer"),
        n_tokens=n_tokens,
        n_positions=config("n_positions"),
        scale_scores=config("scale_attn_weights"),
        scale_by_block=config("scale_attn_by_inverse_layer_idx"),
        n_labels=head_size(shapes, "score.weight"),
        n_predicted=head_size(shapes, "lm_head.weight"),
    )
    side = math.isqrt(settings.n_positions)
    return Architecture(
        module=ImageGPT(settings),
        # The extras are the causal mask and its value, in old files.
        weights=WeightTable(_rules(), ("transformer.",), ("h.*.attn.bias", "h.*.attn.masked_bias")),
        image_size=(side, side),
        preprocessing=ColourPreprocessor((side, side), HALF, HALF, "bilinear"),
        processor=lambda directory, size: _colour_preprocessor(directory, size, n_tokens),
        inputs=TokenIds(n_tokens),
    )


FAMILY = Family(name="imagegpt", title="ImageGPT", model_types=("imagegpt",), build=_build)
