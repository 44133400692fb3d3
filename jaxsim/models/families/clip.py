"""The vision tower of CLIP (Radford et al. 2021), alone or inside a full CLIP checkpoint."""

from __future__ import annotations

import flax.linen as nn
import numpy as np
from jaxtyping import Array, Float

from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.layers.vit_core import TransformerSettings, VisionTransformer
from jaxsim.models.layers.vit_layers import BlockSettings, layer_norm
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import Rule, WeightTable, conv, linear, norm, param
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.step import Recorder

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class ClipVision(VisionTransformer):
    """The shared core with a norm before the first block, none after the last, and CLIP's heads.

    The pooler output is the normed class token, `image_embeds` its projection into the space shared with text
    (not scaled to unit length), the logits of a classifier read the mean of the patches before the norm.

    Attributes:
        projection_size: Width of the projection, 0 without one.
        n_labels: Classes of the classifier, 0 without one.
    """

    projection_size: int = 0
    n_labels: int = 0

    @nn.nowrap
    def heads(
        self,
        recorder: Recorder,
        normed: Float[Array, "batch tokens features"],
        last: Float[Array, "batch tokens features"],
    ) -> None:
        """Records the last block's output, the pooler output, and what the checkpoint has heads for."""
        super().heads(recorder, normed, last)
        pooled = layer_norm(self.settings.block.eps, self.dtype, "pooler_norm")(last[:, 0])
        recorder.output("pooler_output", pooled)
        if self.projection_size:
            projection = nn.Dense(
                self.projection_size, use_bias=False, dtype=self.dtype, precision=self.precision, name="projection"
            )
            recorder.output("image_embeds", projection(pooled))
        if self.n_labels:
            classifier = nn.Dense(self.n_labels, dtype=self.dtype, precision=self.precision, name="classifier")
            recorder.output("logits", classifier(last[:, 1:].mean(axis=1)))


def vision_part(config: ConfigReader) -> ConfigReader:
    """Returns the vision tower's configuration: the configuration itself, or a part of the full model's."""
    if "vision_config" not in config.values:
        return config
    config.ignore("text_config", "projection_dim", "logit_scale_init_value")
    return config.part("vision_config")


def read_block(vision: ConfigReader) -> BlockSettings:
    """Returns the settings of the blocks, which SigLIP's towers share."""
    vision.read_channels()
    return BlockSettings(
        hidden_size=vision("hidden_size"),
        n_heads=vision("num_attention_heads"),
        mlp_size=vision("intermediate_size"),
        eps=vision("layer_norm_eps"),
        activation=vision("hidden_act"),
        init_std=vision("initializer_range", 0.02),
    )


def tower_rules() -> list[Rule]:
    """Rules for positions and blocks under the names of CLIP's and SigLIP's checkpoints, and a classifier."""
    layer, block = "encoder.layers.{i}", "block{i:02d}"
    rules = [
        *param("embeddings.position_embedding.weight", "position_embeddings", lambda table: table[None]),
        *norm(f"{layer}.layer_norm1", f"{block}/norm1"),
        *norm(f"{layer}.layer_norm2", f"{block}/norm2"),
        *linear(f"{layer}.mlp.fc1", f"{block}/mlp/fc1"),
        *linear(f"{layer}.mlp.fc2", f"{block}/mlp/fc2"),
        *linear("classifier", "classifier"),
    ]
    for source, target in {"q_proj": "query", "k_proj": "key", "v_proj": "value", "out_proj": "out"}.items():
        rules += linear(f"{layer}.self_attn.{source}", f"{block}/attention/{target}")
    return rules


def _as_token(vector: np.ndarray) -> np.ndarray:
    return vector[None, None]


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    vision = vision_part(config)
    vision.ignore("projection_dim")  # read off the projection's weight
    patch, image_size = vision.pair("patch_size"), vision.pair("image_size")
    settings = TransformerSettings(
        block=read_block(vision),
        n_blocks=vision("num_hidden_layers"),
        patch_size=patch,
        grid=(image_size[0] // patch[0], image_size[1] // patch[1]),
        patch_bias=False,
        embedding_norm=True,
        final_norm=False,
    )
    module = ClipVision(
        settings,
        projection_size=head_size(shapes, "visual_projection.weight"),
        n_labels=head_size(shapes, "classifier.weight"),
    )
    table = WeightTable(
        rules=(
            *tower_rules(),
            *param("embeddings.class_embedding", "cls_token", _as_token),
            *conv("embeddings.patch_embedding", "patch_embedding/projection"),
            *norm("pre_layrnorm", "embedding_norm"),
            *norm("post_layernorm", "pooler_norm"),
            *linear("visual_projection", "projection"),
        ),
        prefixes=("vision_model.",),
        extras=("text_model.*", "text_projection.*", "logit_scale"),
    )
    plain = PlainPreprocessor(image_size, mean=CLIP_MEAN, std=CLIP_STD, resample="bicubic", fit="crop")
    return Architecture(module, table, image_size, plain)


FAMILY = Family(name="clip", title="CLIP vision", model_types=("clip", "clip_vision_model"), build=_build)
