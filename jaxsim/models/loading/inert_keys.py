"""Keys that libraries left in published config.json files and that compute nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Key -> (the values it may have, None for any; why it computes nothing).
INERT_KEYS: dict[str, tuple[tuple[Any, ...] | None, str]] = {
    "path_norm": (None, "the conversion of Swin wrote it for patch_norm; transformers reads it nowhere"),
    "_attn_implementation_autoset": (None, "transformers 4.46 to 4.50 noted that it chose the attention kernel itself"),
    "_attn_implementation_internal": (None, "which attention kernel ran; all compute the same"),
    "attn_implementation_internal": (None, "which attention kernel ran; all compute the same"),
    "experts_implementation": (None, "which kernel of mixtures of experts runs; there are no experts here"),
    "_experts_implementation": (None, "which kernel of mixtures of experts runs; there are no experts here"),
    "padding": (("max_length",), "AutoTrain wrote its tokenizer's setting into image classifiers"),
    "max_length": (None, "how long generated text may be; AutoTrain wrote it too"),
    "min_length": (None, "how long generated text must be"),
    "gradient_checkpointing": (None, "saves memory in training"),
    "_use_gradient_checkpointing": (None, "saves memory in training"),
    "_num_labels": (None, "number of classes as old versions of transformers kept it; the tensors tell it"),
    "loss_type": (None, "used in training"),
    "loss_function": (None, "used in training"),
    "seed": (None, "used in training"),
    "use_return_dict": (None, "the type of what transformers' call returns; the numbers are the same"),
    "keys_to_ignore_at_inference": (None, "which outputs transformers' trainer leaves out"),
    "output_past": (None, "what versions of transformers before 3 returned of text models"),
    "xla_device": (None, "where versions of transformers before 4 ran"),
    "device": (None, "where the model ran"),
    "device_map": (None, "where the model ran"),
    "use_flash_attn": (None, "which attention kernel ran; all compute the same"),
    "_flash_attn_2_enabled": (None, "which attention kernel ran; all compute the same"),
    "num_classes": (None, "number of classes as other libraries call it; the tensors tell it"),
    "is_composition": (None, "whether transformers' class holds other configurations"),
    "name_or_path": (None, "where the model was loaded from"),
    "model_name": (None, "how its authors call it"),
    "_auto_class": (None, "how transformers finds the class"),
    "auto_class": (None, "how transformers finds the class"),
    "_from_auto": (None, "an argument of from_pretrained"),
    "_configuration_file": (None, "an argument of from_pretrained"),
    "from_flax": (None, "an argument of from_pretrained"),
    "from_tf": (None, "an argument of from_pretrained"),
    "ignore_mismatched_sizes": (None, "an argument of from_pretrained; here tensors must fit"),
    "trust_remote_code": (None, "an argument of from_pretrained; a checkpoint's code is never run here"),
    "use_auth_token": (None, "an argument of from_pretrained"),
    "commit_message": (None, "an argument of push_to_hub"),
    "push_to_hub": (None, "an argument of training"),
    "hub_model_id": (None, "an argument of training"),
    "license": (None, "for people"),
    "tags": (None, "for the hub's search"),
    "pipeline_tag": (None, "for the hub's search"),
    "custom_pipelines": (None, "code around the model, which is never run here"),
    "processor_class": (None, "the class of the preprocessor, which has a file of its own"),
    "feature_extractor_type": (None, "the class of the preprocessor, which has a file of its own"),
    "image_processor_type": (None, "the class of the preprocessor, which has a file of its own"),
    "unsloth_version": (None, "which library trained the model"),
    # Nothing where other values would change the numbers.
    "quantization_config": ((None,), "no quantisation"),
    "generation_config": ((None,), "no text is generated"),
    "rope_scaling": ((None,), "positions as the family has them"),
    "rope_parameters": ((None,), "positions as the family has them"),
    "layer_types": ((None,), "layers as the family has them"),
    "auto_map": ((None, {}), "no code of its own"),
}


def without_inert(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a configuration, and those in it, without the keys that compute nothing.

    Some are properties of transformers' classes of today, which cannot be set.

    Example:
        >>> without_inert({"use_return_dict": True, "vision_config": {"seed": 1, "hidden_size": 8}})
        {'vision_config': {'hidden_size': 8}}
    """
    return {
        name: without_inert(value) if isinstance(value, Mapping) and name.endswith("_config") else value
        for name, value in values.items()
        if not is_inert(name, value)
    }


def is_inert(name: str, value: Any) -> bool:
    """Returns whether a configuration's key computes nothing.

    Example:
        >>> is_inert("padding", "max_length"), is_inert("padding", "same")
        (True, False)
    """
    if name not in INERT_KEYS:
        return False
    values, _ = INERT_KEYS[name]
    return values is None or value in values
