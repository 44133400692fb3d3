"""Keys that libraries left in published config.json files and that compute nothing."""

from __future__ import annotations

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
