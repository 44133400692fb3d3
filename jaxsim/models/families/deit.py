"""DeiT (Touvron et al. 2020): a ViT with a distillation token and up to two classifiers."""

from __future__ import annotations

import dataclasses

import flax.linen as nn
from jaxtyping import Array, Float

from jaxsim.models.families.vit import ViT, encoder_rules, read_settings
from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable, linear, param
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor
from jaxsim.models.step import Recorder


class DeiT(ViT):
    """ViT whose logits, where the checkpoint was distilled, are the mean of two classifiers.

    Attributes:
        n_distilled_labels: Classes of the classifiers on the class and the distillation token, 0 without them.
    """

    n_distilled_labels: int = 0

    @nn.nowrap
    def heads(
        self,
        recorder: Recorder,
        normed: Float[Array, "batch tokens features"],
        last: Float[Array, "batch tokens features"],
    ) -> None:
        """Records ViT's outputs, and the mean of both classifiers as logits where there are two."""
        super().heads(recorder, normed, last)
        if self.n_distilled_labels:
            by_class, by_distillation = (
                nn.Dense(self.n_distilled_labels, dtype=self.dtype, precision=self.precision, name=name)
                for name in ("cls_classifier", "distillation_classifier")
            )
            recorder.output("logits", (by_class(normed[:, 0]) + by_distillation(normed[:, 1])) / 2)


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    settings = dataclasses.replace(read_settings(config), prefix=("cls", "distillation"), positioned_prefix=2)
    config.ignore("encoder_stride", "pooler_output_size")  # the decoder's; the pooler's size is read off its weight
    module = DeiT(
        settings,
        pooler_size=head_size(shapes, "pooler.dense.weight", "deit.pooler.dense.weight"),
        pooler_activation=config("pooler_act"),
        n_labels=head_size(shapes, "classifier.weight"),
        n_distilled_labels=head_size(shapes, "cls_classifier.weight"),
    )
    table = WeightTable(
        rules=(
            *encoder_rules(),
            *param("embeddings.distillation_token", "distillation_token"),
            *linear("pooler.dense", "pooler"),
            *linear("classifier", "classifier"),
            *linear("cls_classifier", "cls_classifier"),
            *linear("distillation_classifier", "distillation_classifier"),
        ),
        prefixes=("deit.",),
        extras=("embeddings.mask_token", "decoder.*"),
    )
    image_size = config.pair("image_size")
    plain = PlainPreprocessor(image_size, resample="bicubic", fit="crop", crop_fraction=224 / 256)
    return Architecture(module, table, image_size, plain)


FAMILY = Family(name="deit", title="DeiT", model_types=("deit",), build=_build)
