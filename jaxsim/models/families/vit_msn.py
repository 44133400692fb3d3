"""MSN (Assran et al. 2022): ViTs trained by matching masked and unmasked views."""

from __future__ import annotations

from jaxsim.models.families.vit import ViT, encoder_rules, read_settings
from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable, linear
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    module = ViT(read_settings(config), n_labels=head_size(shapes, "classifier.weight"))
    table = WeightTable(
        rules=(*encoder_rules(), *linear("classifier", "classifier")),
        # `save_pretrained` writes the classifier's blocks without the prefix, all else with it.
        prefixes=("vit.",),
        extras=("embeddings.mask_token",),
    )
    image_size = config.pair("image_size")
    return Architecture(module, table, image_size, PlainPreprocessor(image_size, resample="bilinear"))


FAMILY = Family(name="vit_msn", title="ViT MSN", model_types=("vit_msn",), build=_build)
