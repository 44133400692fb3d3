"""Random damage to checkpoints of every format: each loads or ends in a sentence that names it, soon and small."""

from __future__ import annotations

import json
import shutil
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from jaxsim.models import load_model

from ...damage import damaged, edited, edits, fuzzed, written
from ...sentences import outcome

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    # orbax closes its event loops when a read fails, and complains of it when they are collected.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

STORED = Path(__file__).parent.parent / "checkpoints"

SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
VIT = {**SMALL, "image_size": 16, "patch_size": 8}
WINDOWS = {"embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4, "image_size": 32}
STAGES = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "vit": ("ViTModel", VIT),
    "dinov2": ("Dinov2Model", {**VIT, "mlp_ratio": 2}),
    "beit": ("BeitModel", VIT),
    "siglip": ("SiglipVisionModel", VIT),
    "clip": ("CLIPVisionModel", VIT),
    "swin": ("SwinModel", WINDOWS),
    "swinv2": ("Swinv2Model", WINDOWS),
    "convnext": ("ConvNextModel", STAGES),
    "resnet": ("ResNetModel", {**STAGES, "embedding_size": 8}),
    "regnet": ("RegNetModel", {**STAGES, "embedding_size": 8, "groups_width": 8}),
    "bit": ("BitModel", {**STAGES, "embedding_size": 8, "num_groups": 4}),
    "poolformer": ("PoolFormerModel", {**STAGES, "num_encoder_blocks": 4}),
    "imagegpt": ("ImageGPTModel", {"n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 64, "vocab_size": 17}),
    "mobilenet_v2": ("MobileNetV2Model", {"depth_multiplier": 0.1, "image_size": 32}),
}


def small_checkpoint(family: str, directory: Path) -> Path:
    """A checkpoint with all its attributes written out, so that each can be damaged."""
    name, values = FAMILIES[family]
    model_class = getattr(transformers, name)
    config = model_class.config_class(**values)
    torch.manual_seed(0)
    model_class(config).save_pretrained(directory)
    shown = {key: value for key, value in config.to_dict().items() if key not in ("dtype", "id2label", "label2id")}
    (directory / "config.json").write_text(json.dumps({**shown, "architectures": [name]}))
    return directory


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> dict[str, Path]:
    home = tmp_path_factory.mktemp("checkpoints")
    return {family: small_checkpoint(family, home / family) for family in FAMILIES}


SAID: Counter[str] = Counter()


def count(test: str, said: str | None) -> None:
    """Notes how an example ended, for the figures that are printed at the end."""
    SAID[f"{test}: {'loaded' if said is None else 'sentence'}"] += 1


@pytest.fixture(scope="module", autouse=True)
def figures():
    yield
    print()
    for line, number in sorted(SAID.items()):
        print(f"{line}: {number}")


@fuzzed()
@given(data=st.data())
def test_configurations(checkpoints, data):
    family = data.draw(st.sampled_from(sorted(FAMILIES)))
    directory = checkpoints[family]
    path = directory / "config.json"
    whole = path.read_text()
    written(path, data.draw(damaged(json.loads(whole))))
    try:
        count("configurations", outcome(lambda: load_model(directory).steps, directory))
    finally:
        path.write_text(whole)


@fuzzed(0.15)
@given(data=st.data())
def test_configurations_without_weights(checkpoints, tmp_path_factory, data):
    family = data.draw(st.sampled_from(sorted(FAMILIES)))
    directory = tmp_path_factory.mktemp("random")
    written(
        directory / "config.json", data.draw(damaged(json.loads((checkpoints[family] / "config.json").read_text())))
    )
    # Hundreds of blocks are no mistake, and drawn one by one.
    count("without weights", outcome(lambda: load_model(directory, init="random").steps, directory, seconds=120))


PROCESSORS = {
    "ViTImageProcessor": {"size": {"height": 16, "width": 16}, "image_mean": [0.5] * 3, "image_std": [0.5] * 3},
    "BitImageProcessor": {"size": {"shortest_edge": 20}, "crop_size": {"height": 16, "width": 16}},
    "ConvNextImageProcessor": {"size": {"shortest_edge": 16}, "crop_pct": 0.875},
    "CLIPImageProcessor": {"size": {"shortest_edge": 16}, "crop_size": 16},
}
COMMON = {
    "do_resize": True,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "resample": 3,
    "do_convert_rgb": None,
}


@fuzzed(0.3)
@given(data=st.data())
def test_processors(checkpoints, data):
    kind = data.draw(st.sampled_from(sorted(PROCESSORS)))
    directory = checkpoints["vit"]
    path = directory / "preprocessor_config.json"
    written(path, data.draw(damaged({"image_processor_type": kind, **COMMON, **PROCESSORS[kind]})))
    try:
        count("processors", outcome(lambda: load_model(directory).steps, directory))
    finally:
        path.unlink()


@fuzzed(0.1)
@given(data=st.data())
def test_indices(checkpoints, data):
    directory = checkpoints["resnet"]
    weights, index = directory / "model.safetensors", directory / "model.safetensors.index.json"
    names = ["a.safetensors", "b.safetensors"]
    content = weights.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    weight_map = {name: names[0] for name in header if name != "__metadata__"}
    written(index, data.draw(damaged({"metadata": {"total_size": 10}, "weight_map": weight_map})))
    weights.rename(directory / names[0])
    try:
        count("indices", outcome(lambda: load_model(directory).steps, directory))
    finally:
        index.unlink()
        (directory / names[0]).rename(weights)


@fuzzed(0.2)
@given(data=st.data())
def test_safetensors(checkpoints, data):
    directory = checkpoints[data.draw(st.sampled_from(["vit", "resnet"]))]
    path = directory / "model.safetensors"
    whole = path.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    if data.draw(st.booleans()):
        header = json.dumps(data.draw(damaged(json.loads(whole[8 : 8 + length])))).encode()
        said_length = data.draw(st.sampled_from([len(header)] * 6 + [0, 2**63, 2**64 - 1, len(header) + 1, 2**30]))
        content = struct.pack("<Q", said_length) + header + whole[8 + length :]
    else:
        content = edited(whole, data.draw(edits(len(whole))))
    path.write_bytes(content)
    try:
        count("safetensors", outcome(lambda: load_model(directory).steps, directory))
    finally:
        path.write_bytes(whole)


@fuzzed(0.2)
@given(data=st.data())
def test_npz_and_msgpack(tmp_path_factory, data):
    file = data.draw(st.sampled_from(["bv_vit_tok/checkpoint.npz", "scenic_vit_token/msgpack/checkpoint_7"]))
    path = tmp_path_factory.mktemp("google") / Path(file).name
    whole = (STORED / file).read_bytes()
    path.write_bytes(edited(whole, data.draw(edits(len(whole)))))
    count(path.suffix or "msgpack", outcome(lambda: load_model(path).steps, path))


@fuzzed(0.1)
@given(data=st.data())
def test_orbax(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("orbax") / "checkpoint_7"
    shutil.copytree(STORED / "scenic_vit_token/orbax/checkpoint_7", path)
    file = data.draw(st.sampled_from(sorted(file for file in path.rglob("*") if file.is_file())))
    content = file.read_bytes()
    if content[:1] == b"{" and data.draw(st.booleans()):
        written(file, data.draw(damaged(json.loads(content))))
    else:
        file.write_bytes(edited(content, data.draw(edits(len(content)))))
    count("orbax", outcome(lambda: load_model(path).steps, path))
    shutil.rmtree(path)


@fuzzed(0.15)
@given(data=st.data())
def test_timm(tmp_path_factory, data):
    """Without its tensors, whose shapes a timm configuration does not have: the names and arguments alone."""
    directory = tmp_path_factory.mktemp("timm")
    config = {
        "architecture": "vit_tiny_patch16_224",
        "num_classes": 10,
        "global_pool": "token",
        "model_args": {"img_size": 32, "num_classes": 10},
        "pretrained_cfg": {
            "input_size": [3, 32, 32],
            "mean": [0.5] * 3,
            "std": [0.5] * 3,
            "crop_pct": 0.9,
            "interpolation": "bicubic",
            "crop_mode": "center",
            "fixed_input_size": True,
        },
    }
    written(directory / "config.json", data.draw(damaged(config)))
    count("timm", outcome(lambda: load_model(directory).steps, directory))
