"""Expected states of timm's own models: `python make.py` where timm and torch can be imported.

For every case: `NAME.json` holds config.json and the tensors' shapes, `NAME.npz` the images and, for each step, up
to `KEPT` values at regular places. The weights are not stored: `weights` makes them from shapes and seed, here and
in the tests.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np

SEED = 1600
KEPT = 1000
SMALL_VIT = {"embed_dim": 24, "depth": 2, "num_heads": 3, "patch_size": 8, "img_size": 32}
SMALL_SWIN = {"embed_dim": 12, "depths": [2, 2, 2, 1], "num_heads": [1, 2, 3, 4]}
CASES: dict[str, dict[str, Any]] = {
    "vit_tiny_patch16_224": SMALL_VIT,
    "vit_base_patch16_224_miil": {**SMALL_VIT, "img_size": [32, 48], "num_classes": 0},
    "vit_medium_patch16_reg4_gap_256": SMALL_VIT,
    "vit_medium_patch16_gap_240": SMALL_VIT,
    "eva_large_patch14_196": SMALL_VIT,
    "deit_tiny_distilled_patch16_224": SMALL_VIT,
    "deit3_small_patch16_224": SMALL_VIT,
    "vit_small_patch14_dinov2": {**SMALL_VIT, "num_classes": 0},
    "vit_giant_patch14_reg4_dinov2": {**SMALL_VIT, "num_classes": 0},
    "vit_base_patch16_clip_quickgelu_224": SMALL_VIT,
    "vit_base_patch16_siglip_224": {**SMALL_VIT, "num_classes": 0},
    "vit_so400m_patch16_siglip_gap_256": {**SMALL_VIT, "num_classes": 0},
    "resnet18": {"layers": [1, 2, 1, 1], "channels": [64, 16, 24, 32]},
    "resnet50": {"layers": [1, 2, 1, 1], "channels": [8, 8, 16, 16]},
    "resnet26t": {"layers": [1, 2, 1, 1]},
    "seresnext26d_32x4d": {"layers": [1, 2, 1, 1]},
    "resnetrs50": {"layers": [1, 2, 1, 1]},
    "regnetx_002": {},
    "regnety_004": {},
    "convnext_tiny": {"depths": [1, 2, 1, 1], "dims": [8, 12, 16, 24]},
    "convnext_pico": {"depths": [1, 1, 2, 1], "dims": [8, 12, 16, 24]},
    "convnextv2_atto": {"depths": [1, 1, 2, 1], "dims": [8, 12, 16, 24]},
    "convnext_xxlarge": {"depths": [1, 1, 1, 1], "dims": [8, 12, 16, 24]},
    "efficientnet_b0": {},
    "tf_efficientnet_b1": {},
    "efficientnet_lite0": {},
    "efficientnet_es": {},
    "tf_efficientnetv2_b0": {},
    "mnasnet_small": {},
    "mobilenetv1_100": {},
    "mobilenetv2_035": {},
    "mobilenetv3_large_100": {},
    "mobilenetv3_rw": {},
    "tf_mobilenetv3_small_minimal_100": {},
    "swin_tiny_patch4_window7_224": {**SMALL_SWIN, "img_size": 128, "window_size": 4},
    "swinv2_base_window12to16_192to256": {**SMALL_SWIN, "img_size": 128},
    "hiera_tiny_224": {"embed_dim": 16, "stages": [1, 2, 2, 1], "img_size": [64, 64]},
    "densenet121": {"block_config": [2, 2, 2, 2], "growth_rate": 8},
    "vgg11": {"mlp_ratio": 0.01},
    "vgg13_bn": {"mlp_ratio": 0.01},
}
GAINS = dict.fromkeys(
    (
        "tf_efficientnetv2_b0",
        "mobilenetv2_035",
        "mobilenetv3_large_100",
        "mobilenetv3_rw",
        "resnetrs50",
        "tf_mobilenetv3_small_minimal_100",
    ),
    0.7,
)
IMAGE_SIZES = {"efficientnet_b0": (65, 48), "tf_efficientnet_b1": (65, 48), "resnet50": (64, 48), "vgg13_bn": (64, 48)}


def weights(shapes: dict[str, list[int]], gain: float = 1.4) -> dict[str, np.ndarray]:
    """Weights for every tensor, each from its own seed: signals keep their size, no norm or scale is trivial.

    `gain` is below 1.4 where residual sums would grow so large that the squeeze's gates jump between 0 and 1.
    """
    made = {}
    for name, shape in shapes.items():
        rng = np.random.default_rng([SEED, zlib.crc32(name.encode())])
        if name.endswith("num_batches_tracked"):
            made[name] = np.zeros(shape, np.int64)
        elif name.endswith("running_var"):
            made[name] = rng.uniform(0.6, 1.4, shape).astype(np.float32)
        elif len(shape) >= 2:
            noise = rng.standard_normal(shape, np.float32)
            made[name] = noise * np.float32(gain / max(1, np.prod(shape[1:])) ** 0.5)
        else:
            centre = 1.0 if name.endswith(("weight", "gamma")) else 0.0
            made[name] = (centre + 0.3 * rng.standard_normal(shape)).astype(np.float32)
    return made


def thinned(state: np.ndarray) -> np.ndarray:
    """At most `KEPT` values of a state, at regular places."""
    flat = np.asarray(state).reshape(-1)
    return flat[:: -(-len(flat) // KEPT)]


def _steps(model: Any, name: str) -> dict[str, str]:
    """The module of timm whose output is each step."""
    if hasattr(model, "blocks") and hasattr(model, "patch_embed") and not name.startswith("hiera"):
        steps = {"embeddings": "norm_pre", **{f"block{i:02d}": f"blocks.{i}" for i in range(len(model.blocks))}}
        return steps | ({"norm": "norm"} if list(model.norm.parameters()) else {})
    if name.startswith("regnet"):
        stages = [list(getattr(model, f"s{s + 1}").children()) for s in range(4)]
        blocks = {
            f"stage{s}.block{b}": f"s{s + 1}.b{b + 1}" for s, stage in enumerate(stages) for b in range(len(stage))
        }
        return {"stem": "stem", **blocks}
    if name.startswith("swin"):
        blocks = {
            f"stage{s}.block{b}": f"layers.{s}.blocks.{b}"
            for s, stage in enumerate(model.layers)
            for b in range(len(stage.blocks))
        }
        return {"embeddings": "patch_embed", **blocks, "norm": "norm"}
    if name.startswith("hiera"):
        ends = [-1, *model.stage_ends]
        blocks = {
            f"stage{s}.block{b}": f"blocks.{ends[s] + 1 + b}"
            for s in range(len(ends) - 1)
            for b in range(ends[s + 1] - ends[s])
        }
        return {"embeddings": "unroll", **blocks, "norm": "head.norm"}
    if name.startswith("densenet"):
        steps = {"stem": "features.pool0"}
        for s in range(4):
            layers = list(getattr(model.features, f"denseblock{s + 1}"))
            for b in range(len(layers)):
                steps[f"stage{s}.layer{b}"] = f"features.denseblock{s + 1}.denselayer{b + 1}"
            if s < 3:
                steps[f"transition{s}"] = f"features.transition{s + 1}"
        return {**steps, "norm": "features.norm5"}
    if hasattr(model, "layer1"):
        depths = [len(getattr(model, f"layer{s + 1}")) for s in range(4)]
        blocks = {f"stage{s}.block{b}": f"layer{s + 1}.{b}" for s, depth in enumerate(depths) for b in range(depth)}
        return {"stem": "maxpool", **blocks}
    if name.startswith("convnext"):
        blocks = {
            f"stage{s}.block{b}": f"stages.{s}.blocks.{b}" for s in range(4) for b in range(len(model.stages[s].blocks))
        }
        return {"stem": "stem", **blocks, "norm": "head.norm"}
    if hasattr(model, "conv_stem"):
        places = [f"blocks.{s}.{b}" for s, stage in enumerate(model.blocks) for b in range(len(stage))]
        # MobileNet V3 has its last convolution after the pooling; MobileNet V1 has none.
        end = {"pooled": "act2"} if "mobilenetv3" in name else {"top": "bn2"}
        end = {} if getattr(model, "conv_head", None) is None or type(model.conv_head).__name__ == "Identity" else end
        return {"stem": "bn1", **{f"block{i:02d}": place for i, place in enumerate(places)}, **end}
    steps, stage, index = {}, 0, 0
    for place, module in enumerate(model.features):
        kind = type(module).__name__
        if kind == "ReLU":
            steps[f"stage{stage}.conv{index}"] = f"features.{place}"
            index += 1
        elif kind == "MaxPool2d":
            stage, index = stage + 1, 0
    return {**steps, "fc1": "pre_logits.act1", "fc2": "pre_logits.act2"}


def make(name: str, arguments: dict[str, Any], here: Path) -> None:
    """Writes one case."""
    import timm
    import torch

    arguments = {"num_classes": 5, **arguments}
    model = timm.create_model(name, **arguments).eval()
    shapes = {key: list(tensor.shape) for key, tensor in model.state_dict().items()}
    model.load_state_dict(
        {key: torch.from_numpy(array) for key, array in weights(shapes, GAINS.get(name, 1.4)).items()}
    )
    size = arguments.get("img_size", IMAGE_SIZES.get(name, (64, 64)))
    height, width = (size, size) if isinstance(size, int) else size
    images = np.random.default_rng(SEED).standard_normal((1, height, width, 3)).astype(np.float32)
    caught: dict[str, np.ndarray] = {}
    modules = dict(model.named_modules())
    pooled = {"fc1", "fc2", "pooled", "norm"} - ({"norm"} if name.startswith("densenet") else set())
    for step, path in _steps(model, name).items():

        def keep(_module: Any, inputs: Any, output: Any, step: str = step, path: str = path) -> None:
            # A layer of a DenseNet gets all that came before as a list; the step has its own output besides.
            if name.startswith("hiera") and step != "norm":
                # Its tokens are kept window by window; what is unrolled first are the embeddings, row by row.
                rolled = step != "embeddings"
                output = model.reroll(output, int(path.split(".")[1])).flatten(1, 2) if rolled else inputs[0]
            earlier = inputs[0] if isinstance(inputs[0], list) else []
            state = torch.cat([*earlier, output], 1).detach().numpy() if earlier else output.detach().numpy()
            if step == "embeddings" and state.ndim == 4:  # a map of Swin
                state = state.reshape(len(state), -1, state.shape[-1])
            elif name.startswith("swin"):
                caught[step] = thinned(state.copy())
                return
            if state.ndim == 4:
                # fc1 and fc2 of VGG, ConvNeXt's norm and MobileNet V3's last convolution are vectors of ours.
                state = state.mean((2, 3)) if step in pooled else state.transpose(0, 2, 3, 1)
            caught[step] = thinned(state.copy())

        modules[path].register_forward_hook(keep)
    with torch.no_grad():
        features = model.forward_features(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
        caught["pooler_output"] = thinned(model.forward_head(features, pre_logits=True).numpy())
        if arguments["num_classes"]:
            caught["logits"] = thinned(model.forward_head(features).numpy())
    described = {
        key: model.pretrained_cfg.get(key) for key in ("mean", "std", "interpolation", "crop_pct", "crop_mode")
    }
    config = {
        "architecture": name,
        "num_classes": arguments["num_classes"],
        "num_features": model.num_features,
        "global_pool": model.pretrained_cfg.get("global_pool") or getattr(model, "global_pool", "avg"),
        "model_args": {key: value for key, value in arguments.items() if key != "num_classes"},
        "pretrained_cfg": {"tag": "test", "input_size": [3, height, width], **described},
    }
    if not isinstance(config["global_pool"], str):
        config["global_pool"] = "avg"
    text = json.dumps({"config": config, "shapes": shapes, "gain": GAINS.get(name, 1.4)}, indent=None)
    (here / f"{name}.json").write_text(text)
    np.savez_compressed(here / f"{name}.npz", images=images, **caught)
    print(name, {key: float(np.abs(value).max()) for key, value in caught.items()})


if __name__ == "__main__":
    import sys

    for case, changes in CASES.items():
        if len(sys.argv) == 1 or case in sys.argv[1:]:
            make(case, changes, Path(__file__).parent)
