"""EfficientNet-Lite of the package `efficientnet-lite-pytorch` in timm's names, which `jaxsim.load_model` opens.

There the blocks are numbered through; timm counts them within stages, and a stage begins where the width changes. The
weights are TensorFlow's, so that the network is one of those whose name begins with `tf_`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

#: Edge of the images that each of the networks was trained on.
EDGES = {"lite0": 224, "lite1": 240, "lite2": 260}
_OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
#: The first block has no expansion, so that its norms count from one less.
_EXPANDED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_PLAIN = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}


def timm_names(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Returns name in `efficientnet-lite-pytorch` -> name in timm, of every tensor.

    Args:
        shapes: Name -> shape of all tensors.

    Raises:
        ValueError: A tensor that such a network does not have.

    Example:
        >>> shapes = {"_conv_stem.weight": (8, 3, 3, 3)}
        >>> shapes |= {f"_blocks.{i}._project_conv.weight": (width, 8, 1, 1) for i, width in enumerate((4, 6, 6))}
        >>> list(timm_names(shapes).values())
        ['conv_stem.weight', 'blocks.0.0.conv_pw.weight', 'blocks.1.0.conv_pw.weight', 'blocks.1.1.conv_pw.weight']
    """
    stages = _stages(shapes)
    names = {}
    for name in shapes:
        part, _, kind = name.rpartition(".")
        if name.startswith("_blocks."):
            _, number, part = part.split(".")
            known = _EXPANDED if f"_blocks.{number}._expand_conv.weight" in shapes else _PLAIN
            before = f"blocks.{stages[int(number)]}."
        else:
            known, before = _OUTSIDE, ""
        if part not in known:
            raise ValueError(f"expected the tensors of an EfficientNet-Lite, got {name!r}")
        names[name] = f"{before}{known[part]}.{kind}"
    return names


def _stages(shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    """`stage.place in it` of every block, in order."""
    places: list[str] = []
    stage, place, before = -1, 0, None
    while (name := f"_blocks.{len(places)}._project_conv.weight") in shapes:
        width = shapes[name][0]
        stage, place = (stage, place + 1) if width == before else (stage + 1, 0)
        places.append(f"{stage}.{place}")
        before = width
    return places


def configuration(size: str) -> dict[str, Any]:
    """Returns the `config.json` of one of the networks, `"lite0"` to `"lite2"`, in timm's format."""
    edge = EDGES[size]
    return {
        "architecture": f"tf_efficientnet_{size}",
        "num_classes": 1000,
        "num_features": 1280,
        "pretrained_cfg": {
            "input_size": [3, edge, edge],
            "interpolation": "bicubic",
            "crop_pct": 0.875,
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "num_classes": 1000,
        },
    }


def write_checkpoint(weights: Path, size: str, folder: Path) -> None:
    """Writes one of the networks as a directory in timm's format.

    Args:
        weights: The package's file; read as tensors alone, so that nothing in it runs. Needs torch.
        size: `"lite0"`, `"lite1"` or `"lite2"`.
        folder: Made anew, with `config.json` and `model.safetensors`.
    """
    import torch
    from safetensors.numpy import save_file

    state = torch.load(weights, map_location="cpu", weights_only=True)
    names = timm_names({name: tuple(value.shape) for name, value in state.items()})
    tensors = {names[name]: np.ascontiguousarray(value.numpy()) for name, value in state.items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(configuration(size), indent=2) + "\n", encoding="utf-8")
