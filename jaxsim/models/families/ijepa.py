"""I-JEPA (Assran et al. 2023): ViTs without a class token."""

from __future__ import annotations

import dataclasses

import flax.linen as nn
from jaxtyping import Array, Float

from jaxsim.models.families.vit import ViT, encoder_rules, read_settings
from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable, linear
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor


class IJepa(ViT):
    """ViT whose classifier reads the mean of the patches (and whose pooler, if any, the first patch)."""

    @nn.nowrap
    def classified(self, normed: Float[Array, "batch tokens features"]) -> Float[Array, "batch features"]:
        """Returns the mean of the patches."""
        return normed.mean(axis=1)


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    settings = dataclasses.replace(read_settings(config), prefix=(), positioned_prefix=0)
    config.ignore("pooler_output_size")  # read off the pooler's weight
    module = IJepa(
        settings,
        pooler_size=head_size(shapes, "pooler.dense.weight", "ijepa.pooler.dense.weight"),
        pooler_activation=config("pooler_act"),
        n_labels=head_size(shapes, "classifier.weight"),
    )
    table = WeightTable(
        rules=(*encoder_rules(), *linear("pooler.dense", "pooler"), *linear("classifier", "classifier")),
        prefixes=("ijepa.",),
        extras=("embeddings.mask_token",),
    )
    image_size = config.pair("image_size")
    return Architecture(module, table, image_size, PlainPreprocessor(image_size, resample="bilinear"))


FAMILY = Family(name="ijepa", title="I-JEPA", model_types=("ijepa",), build=_build)
