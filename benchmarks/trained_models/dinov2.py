"""DINOv2 out of an ONNX graph: the tensors under the names of Hugging Face's checkpoints.

An exporter keeps the names of what a graph uses as it is: biases, norms, scales, convolutions. The matrices of dense
layers come transposed and without a name, and are told by the bias that is added to their product. The position table
comes as two nameless constants, of the class token and of the patches.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

PREFIX = "backbone."
POSITIONS = "embeddings.position_embeddings"
_CLASS_TOKEN = "embeddings.cls_token"
_PATCHES = "embeddings.patch_embeddings.projection.weight"
#: What facebook/dinov2-small is prepared with.
PREPROCESSING = {
    "image_processor_type": "BitImageProcessor",
    "do_convert_rgb": True,
    "do_resize": True,
    "size": {"shortest_edge": 256},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 224, "width": 224},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
}


class Node(NamedTuple):
    """One operation of a graph: what it does, and the names of what goes in and comes out."""

    kind: str
    inputs: Sequence[str]
    outputs: Sequence[str]


def read_graph(path: Path) -> tuple[dict[str, np.ndarray], list[Node]]:
    """Reads the constants and operations of an ONNX file; needs the package `onnx`."""
    import onnx  # pyright: ignore[reportMissingImports]
    from onnx import numpy_helper  # pyright: ignore[reportMissingImports]

    graph = onnx.load(path).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    return constants, [Node(node.op_type, list(node.input), list(node.output)) for node in graph.node]


def named_tensors(constants: Mapping[str, np.ndarray], nodes: Sequence[Node]) -> dict[str, np.ndarray]:
    """Returns the tensors of a DINOv2 inside a graph under the names of Hugging Face's checkpoints.

    Args:
        constants: All constants of the graph. Names of the network begin with `backbone.`; other parts are left out.
        nodes: All operations of the graph.

    Raises:
        ValueError: A dense layer or a position table that cannot be told, or one that is told twice.

    Example:
        >>> bias, matrix = np.zeros(3), np.ones((2, 3))
        >>> constants = {"backbone.fc.bias": bias, "onnx::MatMul_7": matrix}
        >>> nodes = [Node("MatMul", ["x", "onnx::MatMul_7"], ["y"]), Node("Add", ["backbone.fc.bias", "y"], ["z"])]
        >>> dense_layers(constants, nodes)["fc.weight"].shape
        (3, 2)
    """
    named = {name.removeprefix(PREFIX): np.asarray(value) for name, value in constants.items() if _is_ours(name)}
    if _CLASS_TOKEN not in named:
        raise ValueError(f"expected a constant {PREFIX}{_CLASS_TOKEN} in the graph, found {sorted(named)[:5]}")
    dense = dense_layers(constants, nodes)
    biases = {name for name in named if name.endswith(".bias") and f"{name.removesuffix('bias')}weight" not in named}
    without = sorted(biases - {f"{name.removesuffix('weight')}bias" for name in dense})
    if without:
        raise ValueError(f"expected a matrix for every bias of a dense layer, found none for {without}")
    return {**named, **dense, POSITIONS: _positions(constants, named[_CLASS_TOKEN].shape[-1])}


def dense_layers(constants: Mapping[str, np.ndarray], nodes: Sequence[Node]) -> dict[str, np.ndarray]:
    """Returns the nameless matrices `[features out, features in]`, named after the bias added to their products."""
    matrix_of = {
        node.outputs[0]: name
        for node in nodes
        if node.kind == "MatMul"
        for name in node.inputs
        if name in constants and not _is_ours(name)
    }
    found: dict[str, np.ndarray] = {}
    for node in nodes:
        products = [name for name in node.inputs if name in matrix_of]
        biases = [name for name in node.inputs if name in constants and _is_ours(name) and name.endswith(".bias")]
        if node.kind != "Add" or not products or not biases:
            continue
        name = f"{biases[0].removeprefix(PREFIX).removesuffix('bias')}weight"
        if name in found:
            raise ValueError(f"expected one matrix for {biases[0]}, found another: {matrix_of[products[0]]}")
        found[name] = np.ascontiguousarray(np.asarray(constants[matrix_of[products[0]]]).T)
    return found


def _positions(constants: Mapping[str, np.ndarray], width: int) -> np.ndarray:
    """The position table `[1, 1 + patches, features]`: that of the class token, then a square of patches."""
    tables = {
        name: value.shape[1]
        for name, value in constants.items()
        if not _is_ours(name) and np.ndim(value) == 3 and value.shape[0] == 1 and value.shape[2] == width
    }
    token = [name for name, length in tables.items() if length == 1]
    patches = [name for name, length in tables.items() if length > 1 and math.isqrt(length) ** 2 == length]
    if len(token) != 1 or len(patches) != 1:
        raise ValueError(
            f"expected one constant [1, 1, {width}] and one [1, square number, {width}] as positions, got {tables}"
        )
    return np.concatenate([constants[token[0]], constants[patches[0]]], axis=1)


def configuration(tensors: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Returns the `config.json` of a DINOv2, sizes read off its tensors; heads have 64 features.

    Raises:
        ValueError: The tensors are not those of a DINOv2 with an ordinary feed-forward part.
    """
    width, _, patch, _ = tensors[_PATCHES].shape
    n_layers = len({name.split(".")[2] for name in tensors if name.startswith("encoder.layer.")})
    edge = math.isqrt(tensors[POSITIONS].shape[1] - 1)
    inner = tensors["encoder.layer.0.mlp.fc1.weight"].shape[0]
    per_layer = [
        *(f"{norm}.{kind}" for norm in ("norm1", "norm2") for kind in ("weight", "bias")),
        *(f"attention.attention.{part}.{kind}" for part in ("query", "key", "value") for kind in ("weight", "bias")),
        *(
            f"{dense}.{kind}"
            for dense in ("attention.output.dense", "mlp.fc1", "mlp.fc2")
            for kind in ("weight", "bias")
        ),
        *(f"{scale}.lambda1" for scale in ("layer_scale1", "layer_scale2")),
    ]
    expected = {
        *(f"encoder.layer.{i}.{name}" for i in range(n_layers) for name in per_layer),
        *(_CLASS_TOKEN, POSITIONS, _PATCHES, _PATCHES.replace("weight", "bias"), "layernorm.weight", "layernorm.bias"),
    }
    if expected != set(tensors):
        raise ValueError(f"expected the tensors of a DINOv2; differing are {sorted(expected ^ set(tensors))}")
    return {
        "architectures": ["Dinov2Model"],
        "model_type": "dinov2",
        "hidden_size": width,
        "num_hidden_layers": n_layers,
        "num_attention_heads": width // 64,
        "mlp_ratio": inner // width,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-6,
        "image_size": edge * patch,
        "patch_size": patch,
        "num_channels": 3,
        "qkv_bias": True,
        "layerscale_value": 1.0,
        "drop_path_rate": 0.0,
        "use_swiglu_ffn": False,
        "torch_dtype": "float32",
    }


def write_checkpoint(graph: Path, folder: Path) -> None:
    """Writes the DINOv2 inside an ONNX file as a directory that Hugging Face's `from_pretrained` opens.

    Args:
        graph: The ONNX file.
        folder: Where `config.json`, `preprocessor_config.json` and `model.safetensors` go.

    Raises:
        ValueError: The graph holds no DINOv2 that is known here.
    """
    write_tensors(named_tensors(*read_graph(graph)), folder)


def write_tensors(tensors: Mapping[str, np.ndarray], folder: Path) -> None:
    """Writes named tensors as such a directory; see `write_checkpoint`."""
    from safetensors.numpy import save_file

    config = configuration(tensors)
    # What takes the place of hidden patches in training; it is in no graph of the trained network.
    unused = {"embeddings.mask_token": np.zeros((1, config["hidden_size"]), np.float32)}
    folder.mkdir(parents=True, exist_ok=True)
    save_file({**tensors, **unused}, folder / "model.safetensors", metadata={"format": "pt"})
    for name, values in (("config.json", config), ("preprocessor_config.json", PREPROCESSING)):
        (folder / name).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _is_ours(name: str) -> bool:
    return name.startswith(PREFIX)
