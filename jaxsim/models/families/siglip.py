"""The vision towers of SigLIP (Zhai et al. 2023) and SigLIP 2 (Tschannen et al. 2025), alone or in the full model."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import flax.linen as nn
import numpy as np
from jaxtyping import Array, Float

from jaxsim.models.families.clip import read_block, tower_rules, vision_part
from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.layers.attention_pooling import AttentionPooling
from jaxsim.models.layers.vit_core import TransformerSettings, VisionTransformer
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, conv, linear, linear_kernel, norm, param
from jaxsim.models.preprocessing.float_resize import FILTERS
from jaxsim.models.preprocessing.preprocessors import HALF, PlainPreprocessor
from jaxsim.models.preprocessing.processor_settings import channel_values, read_processor_settings, require_settings
from jaxsim.models.step import Recorder


class SiglipVision(VisionTransformer):
    """The shared core without a class token; a learned query pools the patches by attention.

    Attributes:
        pooled: Whether the checkpoint has the attention pooling.
        n_labels: Classes of a classifier on the mean of the patches, 0 without one.
    """

    pooled: bool = True
    n_labels: int = 0

    @nn.nowrap
    def heads(
        self,
        recorder: Recorder,
        normed: Float[Array, "batch tokens features"],
        last: Float[Array, "batch tokens features"],
    ) -> None:
        """Records the last hidden state, and pooler output and logits where the checkpoint has them."""
        super().heads(recorder, normed, last)
        if self.pooled:
            pooling = AttentionPooling(self.settings.block, self.dtype, self.precision, name="pooling")
            recorder.output("pooler_output", pooling(normed))
        if self.n_labels:
            classifier = nn.Dense(self.n_labels, dtype=self.dtype, precision=self.precision, name="classifier")
            recorder.output("logits", classifier(normed.mean(axis=1)))


def _weight_table(patches: list[Rule]) -> WeightTable:
    projections = [f"pooling/{name}" for name in ("query", "key", "value")]
    pooling = [
        Rule(
            "head.attention.in_proj_weight",
            tuple(f"{name}/kernel" for name in projections),
            lambda weight: np.split(linear_kernel(weight), 3, axis=1),
        ),
        Rule(
            "head.attention.in_proj_bias",
            tuple(f"{name}/bias" for name in projections),
            lambda bias: np.split(bias, 3),
        ),
        *linear("head.attention.out_proj", "pooling/out"),
        *param("head.probe", "pooling/probe"),
        *norm("head.layernorm", "pooling/norm"),
        *linear("head.mlp.fc1", "pooling/mlp/fc1"),
        *linear("head.mlp.fc2", "pooling/mlp/fc2"),
    ]
    return WeightTable(
        rules=(*tower_rules(), *patches, *norm("post_layernorm", "norm"), *pooling),
        prefixes=("vision_model.",),
        extras=("text_model.*", "logit_scale", "logit_bias"),
    )


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    vision = vision_part(config)
    patch, image_size = vision.pair("patch_size"), vision.pair("image_size")
    settings = TransformerSettings(
        block=read_block(vision),
        n_blocks=vision("num_hidden_layers"),
        patch_size=patch,
        grid=(image_size[0] // patch[0], image_size[1] // patch[1]),
        prefix=(),
        positioned_prefix=0,
    )
    return Architecture(
        SiglipVision(settings, pooled=vision("vision_use_head", True), n_labels=head_size(shapes, "classifier.weight")),
        _weight_table(conv("embeddings.patch_embedding", "patch_embedding/projection")),
        image_size,
        PlainPreprocessor(image_size, mean=HALF, std=HALF, resample="bicubic"),
    )


def _build_flexible(config: ConfigReader, shapes: Shapes) -> Architecture:
    """Returns SigLIP 2's NaFlex class: patches arrive cut and flattened, positions are resized for every image."""
    vision = vision_part(config)
    patch, n_positions = vision.pair("patch_size"), vision("num_patches")
    edge = math.isqrt(n_positions)
    if edge * edge != n_positions:
        vision.refuse("num_patches", "the positions form a square; only square numbers are possible")
    settings = TransformerSettings(
        block=read_block(vision),
        n_blocks=vision("num_hidden_layers"),
        patch_size=patch,
        grid=(edge, edge),
        prefix=(),
        positioned_prefix=0,
        resize="bilinear_antialias",
    )

    def as_convolution(weight: np.ndarray) -> np.ndarray:
        """Returns a kernel from (features, height * width * channels), the order in which patches are flattened."""
        return linear_kernel(weight).reshape(*patch, 3, -1)

    projection, target = "embeddings.patch_embedding", "patch_embedding/projection"
    patches = [
        Rule(f"{projection}.weight", (f"{target}/kernel",), as_convolution),
        Rule(f"{projection}.bias", (f"{target}/bias",)),
    ]
    image_size = (edge * patch[0], edge * patch[1])
    plain = PlainPreprocessor(image_size, mean=HALF, std=HALF, resample="bilinear")

    def processor(directory: Path, size: tuple[int, int] | None) -> PlainPreprocessor:
        return _one_grid(directory, dataclasses.replace(plain, image_size=size or image_size))

    return Architecture(
        SiglipVision(settings, pooled=vision("vision_use_head", True), n_labels=head_size(shapes, "classifier.weight")),
        _weight_table(patches),
        image_size,
        plain,
        processor=processor,
    )


def _one_grid(directory: Path, plain: PlainPreprocessor) -> PlainPreprocessor:
    """Returns the checkpoint's processor, but with one grid of patches for images of every shape."""
    where, settings = read_processor_settings(directory)
    switched = {"do_resize": True, "do_rescale": True, "do_normalize": True, "rescale_factor": 1 / 255}
    require_settings(where, settings, switched)
    resample = settings.get("resample", 2)
    if resample not in FILTERS:
        raise ValueError(f"{where}: resample={resample!r}; expected 2 (bilinear) or 3 (bicubic)")
    return dataclasses.replace(
        plain,
        mean=channel_values(where, settings, "image_mean", HALF),
        std=channel_values(where, settings, "image_std", HALF),
        resample=FILTERS[resample],
        reason="the checkpoint's processor keeps the aspect ratio; here every image is stretched to one grid of "
        "patches, so that the steps of all images have one shape",
    )


FAMILIES = [
    Family(name="siglip", title="SigLIP, SigLIP 2", model_types=("siglip", "siglip_vision_model"), build=_build),
    Family(
        name="siglip2",
        title="SigLIP 2 NaFlex",
        model_types=("siglip2", "siglip2_vision_model"),
        build=_build_flexible,
    ),
]
