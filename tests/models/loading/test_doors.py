"""Checkpoints that are published and those that are made to harm: each loads or ends in a sentence, within seconds."""

import json
import os
import runpy
import warnings
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
import torch
import transformers
from safetensors.numpy import load_file, save_file
from safetensors.torch import save_file as save_torch_file

from jaxsim.models import load_model
from jaxsim.models.loading.checkpoint import Checkpoint
from jaxsim.models.loading.wrappers import WRAPPERS

SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}


@pytest.fixture
def vit(tmp_path):
    directory = tmp_path / "vit"
    torch.manual_seed(0)
    transformers.ViTModel(transformers.ViTConfig(**SMALL, image_size=16, patch_size=8)).save_pretrained(directory)
    return directory


def edit(directory, file="config.json", **changes):
    path = directory / file
    old = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**old, **changes}))


def edit_weights(directory, change):
    tensors = change(load_file(directory / "model.safetensors"))
    save_file(tensors, directory / "model.safetensors")


@pytest.mark.parametrize(
    "keys",
    [
        {"path_norm": True},
        {"_attn_implementation_autoset": True, "gradient_checkpointing": False},
        {"padding": "max_length"},
        {"use_return_dict": True, "xla_device": None, "output_past": True, "name_or_path": "x"},
        {"from_flax": True, "trust_remote_code": False, "license": "mit", "quantization_config": None, "auto_map": {}},
    ],
)
def test_keys_that_compute_nothing(vit, keys):
    before = load_model(vit).weights_hash
    edit(vit, **keys)
    assert load_model(vit).weights_hash == before


def test_an_unknown_key_is_refused_and_can_be_dropped(vit):
    edit(vit, padding="same")
    with pytest.raises(ValueError, match=r"padding='same': unknown.*\n.*overrides=\{'padding': None\}"):
        load_model(vit)
    load_model(vit, overrides={"padding": None})


def test_a_key_of_a_nested_configuration_can_be_dropped(tmp_path):
    vision = {**SMALL, "image_size": 16, "patch_size": 8}
    text = {**SMALL, "vocab_size": 20, "max_position_embeddings": 8}
    torch.manual_seed(0)
    transformers.CLIPModel(transformers.CLIPConfig(vision_config=vision, text_config=text)).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["vision_config"] |= {"twist": 2, "use_return_dict": True}
    edit(tmp_path, **config)
    with pytest.raises(
        ValueError, match=r"vision_config\.twist=2: unknown.*\n.*overrides=\{'vision_config\.twist': None\}"
    ):
        load_model(tmp_path)
    assert "twist" not in load_model(tmp_path, overrides={"vision_config.twist": None}).config["vision_config"]
    eps = load_model(tmp_path, overrides={"vision_config.twist": None, "vision_config.layer_norm_eps": 0.5})
    assert eps.config["vision_config"]["layer_norm_eps"] == 0.5
    with pytest.raises(
        ValueError, match=r"overrides 'vision\.twist': expected a nested configuration 'vision', got none"
    ):
        load_model(tmp_path, overrides={"vision.twist": None})


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "_fsdp_wrapped_module.", "module._orig_mod."])
def test_prefixes_of_wrappers_are_left_out_and_said(vit, prefix):
    before = load_model(vit).weights_hash
    edit_weights(vit, lambda tensors: {prefix + name: tensor for name, tensor in tensors.items()})
    with pytest.warns(UserWarning, match="its prefix is left out"):
        assert load_model(vit).weights_hash == before


@pytest.mark.parametrize("prefix", ["model.", "net.", "model._orig_mod.", "module.model.", "encoder.", "net.backbone."])
def test_prefixes_of_trainers_are_left_out_and_said(vit, prefix):
    before = load_model(vit).weights_hash
    edit_weights(vit, lambda tensors: {prefix + name: tensor for name, tensor in tensors.items()})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert load_model(vit).weights_hash == before
    told = "".join(f"{part}." for part in prefix.split(".") if part and part not in WRAPPERS)
    n = len(load_file(vit / "model.safetensors"))
    assert any(f": {n} of {n} tensors are named {told}..." in str(each.message) for each in caught)


def test_a_prefix_that_is_part_of_the_names_stays(vit, tmp_path):
    """Of a file with a tensor that nobody knows; without `encoder.` fewer would be known."""
    edit_weights(vit, lambda tensors: {**tensors, "twist": np.zeros(2, np.float32)})
    with pytest.raises(ValueError, match=r"1 problem.*\n.*unexpected tensor twist"):
        load_model(vit)
    directory = tmp_path / "clip"
    torch.manual_seed(0)
    config = transformers.CLIPVisionConfig(**SMALL, image_size=16, patch_size=8)
    transformers.CLIPVisionModel(config).save_pretrained(directory)
    load_model(directory)  # whose names begin with `vision_model.`, and no warning


def test_a_prefix_before_names_of_timm(tmp_path, vit):
    root = Path(__file__).parent.parent / "checkpoints" / "timm"
    made = runpy.run_path(str(root / "make.py"))
    case = json.loads((root / "resnet18.json").read_text())
    hashes = []
    for prefix in ("", "model."):
        directory = tmp_path / f"timm{prefix}"
        directory.mkdir()
        tensors = {prefix + key: array for key, array in made["weights"](case["shapes"]).items()}
        save_file(tensors, directory / "model.safetensors")
        (directory / "config.json").write_text(json.dumps(case["config"]))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            hashes.append(load_model(directory).weights_hash)
        assert bool(prefix) == any("are named model." in str(each.message) for each in caught)
    assert hashes[0] == hashes[1]


def test_an_adapter_beside_the_base(vit):
    edit(vit, "adapter_config.json", peft_type="LORA")
    with pytest.raises(ValueError, match=r"Merge it first.*merge_and_unload"):
        load_model(vit)


@pytest.mark.parametrize("dtype", [np.complex64, np.bool_, np.int8, ml_dtypes.float8_e4m3fn])
def test_tensors_that_are_no_weights(vit, dtype):
    tensors = {name: torch.from_numpy(tensor) for name, tensor in load_file(vit / "model.safetensors").items()}
    kinds = {np.complex64: torch.complex64, np.bool_: torch.bool, np.int8: torch.int8}
    tensors["layernorm.bias"] = tensors["layernorm.bias"].to(kinds.get(dtype, torch.float8_e4m3fn))
    save_torch_file(tensors, vit / "model.safetensors")
    with pytest.raises(ValueError, match=r"model\.safetensors: layernorm\.bias is .*expected float64"):
        load_model(vit)


def test_ten_problems_then_a_count(vit):
    edit_weights(vit, lambda tensors: {**tensors, **{f"odd{i:02d}": np.zeros(2, np.float32) for i in range(64)}})
    with pytest.raises(ValueError, match="64 problem") as caught:
        load_model(vit)
    assert str(caught.value).count("unexpected tensor") == 10
    assert "and 54 more" in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"hidden_size": 0},
        {"hidden_size": -8},
        {"num_attention_heads": 0},
        {"patch_size": 0},
        {"patch_size": [8, -8]},
        {"image_size": 10**9},
        {"num_hidden_layers": 10**5},
        {"num_hidden_layers": 10**30},
        {"num_labels": 10**9},
        {"layer_norm_eps": float("nan")},
        {"num_attention_heads": 3},
        {"hidden_act": ["gelu"]},
        {"model_type": "resnet", "depths": [10**8] * 4},
        {"model_type": "resnet", "hidden_sizes": [], "depths": []},
        {"model_type": "swin", "window_size": 0},
        {"model_type": "efficientnet", "depth_coefficient": 1e9},
        {"architecture": "vit_base_patch16_224", "model_type": "timm_wrapper", "pretrained_cfg": [1]},
        {"architecture": "resnet50", "model_type": "timm_wrapper", "model_args": 5},
    ],
)
def test_senseless_configurations(vit, values):
    edit(vit, **values)
    with pytest.raises(ValueError, match=r"\w"):
        load_model(vit)


@pytest.mark.parametrize(
    "weight_map", [None, [], 5, {}, {"a": 5}, {"a": None}, {"a": "../x"}, {"a": "/etc/passwd"}, {"a": "b"}]
)
def test_senseless_indices(vit, weight_map):
    (vit / "model.safetensors").rename(vit / "shard.safetensors")
    edit(vit, "model.safetensors.index.json", weight_map=weight_map)
    with pytest.raises(ValueError, match=r"index\.json"):
        load_model(vit)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors.index.json", "preprocessor_config.json"])
def test_deep_json(vit, file):
    if "index" in file:
        (vit / "model.safetensors").unlink()
    (vit / file).write_text('{"a":' * 200_000 + "1" + "}" * 200_000)
    with pytest.raises(ValueError, match="nested"):
        load_model(vit)


@pytest.mark.parametrize("file", ["config.json", "model.safetensors", "preprocessor_config.json"])
@pytest.mark.parametrize("kind", ["pipe", "directory", "device"])
def test_only_regular_files_are_opened(vit, file, kind):
    (vit / file).unlink(missing_ok=True)
    {"pipe": os.mkfifo, "directory": os.mkdir, "device": lambda path: path.symlink_to("/dev/zero")}[kind](vit / file)
    with pytest.raises(ValueError, match=f"expected a regular file, got a {kind}"):
        load_model(vit)


@pytest.mark.parametrize("name", ["weights.npz", "checkpoint_7"])
def test_a_pipe_among_training_files(tmp_path, name):
    os.mkfifo(tmp_path / name)
    for source in (tmp_path, tmp_path / name):
        with pytest.raises(ValueError, match=r"expected|no config"):
            load_model(source)


@pytest.mark.parametrize(
    "settings",
    [
        {"size": 30_000},
        {"size": {"height": -1, "width": 8}},
        {"image_std": [0, 1, 1]},
        {"resample": 77},
        {"size": "big"},
        {"size": []},
        {"size": [16]},
        {"size": {}},
        {"size": {"width": None}},
        {"crop_size": [1, 2, 3]},
        {"rescale_factor": 10**400},
        {"auto_map": None},
    ],
)
def test_odd_processor_settings(vit, settings):
    edit(vit, "preprocessor_config.json", image_processor_type="ViTImageProcessor", **settings)
    with pytest.raises(ValueError, match=rf"preprocessor_config\.json: {next(iter(settings))}="):
        load_model(vit)


def test_zeros_that_take_all_memory(tmp_path):
    np.savez_compressed(tmp_path / "big.npz", embedding=np.zeros((300, 2**18), np.float32))
    with pytest.raises(ValueError, match="weights do not compress so far"):
        load_model(tmp_path / "big.npz")


def test_a_large_tensor_is_not_read(vit, monkeypatch):
    edit_weights(vit, lambda tensors: {**tensors, "layernorm.bias": np.zeros(10**6, np.float32)})
    read = []
    whole = Checkpoint.read
    monkeypatch.setattr(Checkpoint, "read", lambda self, name: read.append(name) or whole(self, name))
    with pytest.raises(ValueError, match="more than all that the model needs"):
        load_model(vit)
    assert "layernorm.bias" not in read


def test_a_dot_is_named_after_the_folder(vit, monkeypatch):
    monkeypatch.chdir(vit)
    assert load_model(".").name == "vit"


@pytest.mark.parametrize(
    "changes",
    [{"hidden_size": 2**20}, pytest.param({"hidden_size": 2**15, "num_hidden_layers": 500}, marks=pytest.mark.slow)],
)
def test_untrained_models_that_fit_no_memory(vit, changes):
    (vit / "model.safetensors").unlink()
    edit(vit, **changes)
    with pytest.raises(ValueError, match=r"a model of [\d,]{11,} parameters.* GB are free"):
        load_model(vit, init="random")


@pytest.mark.parametrize("values", [{"model_type": "x" * 10**5}, {"hidden_act": "x" * 10**5}, {"odd": ["x" * 10**5]}])
def test_long_values_are_shown_in_short(vit, values):
    edit(vit, **values)
    with pytest.raises(ValueError, match=rf"(?s){vit}.*x{{50}}") as caught:
        load_model(vit)
    assert len(str(caught.value)) < 5000


def test_images_smaller_than_a_patch_name_the_model(vit):
    edit(vit, "preprocessor_config.json", image_processor_type="ViTImageProcessor", size={"height": 4, "width": 4})
    with pytest.raises(ValueError, match=rf"{vit}: images of 4 x 4 pixels are smaller than one patch"):
        _ = load_model(vit).steps
