"""DINOv2 with registers (Darcet et al. 2023): learned tokens without a position beside the class token."""

from __future__ import annotations

from jaxsim.models.families.dinov2 import Dinov2, encoder_rules, preprocessing, read_block, read_grid
from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.layers.vit_core import TransformerSettings
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable, param


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    config.read_channels()
    config.ignore("apply_layernorm", "reshape_hidden_states")  # the feature maps that a backbone returns
    n_registers = config("num_register_tokens")
    settings = TransformerSettings(
        block=read_block(config),
        n_blocks=config("num_hidden_layers"),
        patch_size=config.pair("patch_size"),
        grid=read_grid(config),
        prefix=("cls", *["register"] * n_registers),
        resize="bicubic_antialias",
    )
    module = Dinov2(settings, n_labels=head_size(shapes, "classifier.weight"))
    registers = param("embeddings.register_tokens", "register_tokens") if n_registers else []
    empty = () if n_registers else ("embeddings.register_tokens",)
    table = WeightTable(
        rules=(*encoder_rules(), *registers),
        prefixes=("dinov2_with_registers.",),
        extras=("embeddings.mask_token", *empty),
    )
    image_size = config.pair("image_size")
    return Architecture(module, table, image_size, preprocessing(image_size))


FAMILY = Family(
    name="dinov2_with_registers",
    title="DINOv2 with registers",
    model_types=("dinov2_with_registers",),
    build=_build,
)
