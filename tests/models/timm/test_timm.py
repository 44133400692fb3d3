"""Checkpoints in timm's format: states of timm's own models, names, preprocessing."""

import json
import runpy
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from jaxsim.models import load_model
from jaxsim.models.timm.names import FAMILIES, family_of
from jaxsim.models.timm.preprocess import TimmPreprocessor, read_preprocessing

ROOT = Path(__file__).parent.parent / "checkpoints" / "timm"
MAKE = runpy.run_path(str(ROOT / "make.py"))


def write(name, directory, *, prefix="", **changes):
    """Writes a stored case as the directory that timm's hub export would be."""
    case = json.loads((ROOT / f"{name}.json").read_text())
    save_file(
        {prefix + key: array for key, array in MAKE["weights"](case["shapes"], case.get("gain", 1.4)).items()},
        directory / "model.safetensors",
    )
    (directory / "config.json").write_text(json.dumps({**case["config"], **changes}))
    return directory


def measured(model, name):
    """The error measure of parity tests for every stored state."""
    with np.load(ROOT / f"{name}.npz") as stored:
        expected = dict(stored)
    images = expected.pop("images")
    with jax.default_matmul_precision("highest"):
        found = {**model(images), **model.outputs(images)}
    assert {step.name for step in model.steps} <= set(expected)
    errors = {}
    for key, wanted in expected.items():
        actual = MAKE["thinned"](np.asarray(found[key]))
        assert actual.shape == wanted.shape, key
        errors[key] = float(np.abs(actual - wanted).max() / max(1.0, np.abs(wanted).max()))
    return errors


# One of each builder.
EVERY_DAY = (
    "vit_tiny_patch16_224",
    "resnet18",
    "vgg11",
    "densenet121",
)
NAMES = json.loads((Path(__file__).parent / "names.json").read_text())


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in EVERY_DAY else pytest.mark.slow) for name in MAKE["CASES"]]
)
def test_states_of_timm(name, tmp_path):
    errors = measured(load_model(write(name, tmp_path)), name)
    assert max(errors.values()) <= 2e-5, errors


def test_which_of_the_names_of_timm_are_covered():
    found: dict[str, list[str]] = {}
    for name in (*" ".join(NAMES["covered"].values()).split(), *NAMES["not covered"].split()):
        try:
            found.setdefault(family_of(name, "config.json"), []).append(name)
        except ValueError:
            continue
    assert {family: " ".join(names) for family, names in found.items()} == NAMES["covered"]
    assert set(found) == set(FAMILIES)


def test_a_name_that_timm_does_not_have_yet(tmp_path):
    directory = write("vit_tiny_patch16_224", tmp_path, architecture="vit_large_patch16_reg9_gap_512")
    assert load_model(directory).family == "vit"


def test_names_of_the_wrapper_in_transformers(tmp_path):
    directory = write("vit_tiny_patch16_224", tmp_path, prefix="timm_model.", model_type="timm_wrapper")
    assert max(measured(load_model(directory), "vit_tiny_patch16_224").values()) <= 2e-5


def test_a_tag_and_settings_beside_the_architecture(tmp_path):
    case = json.loads((ROOT / "vit_tiny_patch16_224.json").read_text())["config"]
    flat = {**case["pretrained_cfg"], "pretrained_cfg": None, "architecture": "vit_tiny_patch16_224.augreg_in21k"}
    model = load_model(write("vit_tiny_patch16_224", tmp_path, **flat))
    assert model.preprocessing["mean"] == [0.5, 0.5, 0.5]
    assert (model.family, model.image_size, model.config["architecture"]) == ("vit", (32, 32), flat["architecture"])


def test_registers_and_distillation_are_told_by_the_layout(tmp_path):
    for name, prefix in {
        "vit_giant_patch14_reg4_dinov2": ("cls", *["register"] * 4),
        "deit_tiny_distilled_patch16_224": ("cls", "distillation"),
        "vit_medium_patch16_gap_240": (),
    }.items():
        directory = tmp_path / name
        directory.mkdir()
        assert load_model(write(name, directory)).steps[0].layout.prefix == prefix


@pytest.mark.slow
def test_random_twin_reads_sizes_from_the_file(tmp_path):
    directory = write("vit_tiny_patch16_224", tmp_path)
    assert len(load_model(directory, init="random", seed=1).steps) == 4
    (directory / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="the tensors' shapes are needed"):
        load_model(directory, init="random")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"architecture": "vit_base_patch16_rpn_224"},
            r"rpn_224' is not covered. Covered are.*resnetN",
        ),
        ({"architecture": "vit_dwee_patch16_reg1_gap_256"}, "not covered"),
        ({"architecture": "resnet18"}, "needs a tensor 'conv1.weight'"),
        ({"model_args": {"img_size": 32, "twist": 2}}, "twist=2: unknown attribute"),
        ({"model_args": {"img_size": 32, "num_heads": 5}}, "5 heads do not divide 24"),
        ({"global_pool": "avgmax"}, "'avgmax' does not fit"),
        ({"pretrained_cfg": {"crop_mode": "zoom"}}, "crop_mode='zoom'"),
        ({"pretrained_cfg": {"input_size": [2, 32, 32]}, "model_args": {"num_heads": 3}}, "three channels"),
    ],
)
def test_what_is_refused(changes, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load_model(write("vit_tiny_patch16_224", tmp_path, **changes))


def test_one_channel(tmp_path):
    case = json.loads((ROOT / "vit_tiny_patch16_224.json").read_text())
    case["shapes"]["patch_embed.proj.weight"][1] = 1
    config = {**case["config"], "model_args": {**case["config"]["model_args"], "in_chans": 1}}
    config["pretrained_cfg"] = {"input_size": [1, 32, 32], "mean": [0.5], "std": [0.25]}
    save_file(MAKE["weights"](case["shapes"]), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(config))
    model = load_model(tmp_path)
    white = model.preprocess([np.full((40, 40, 3), 255, np.uint8)])
    np.testing.assert_allclose(white, np.full((1, 32, 32, 1), 2.0), atol=1e-6)
    assert model(white)["norm"].shape == (1, 17, 24)


def test_positions_are_resized_for_other_images(tmp_path):
    model = load_model(write("vit_tiny_patch16_224", tmp_path), image_size=(48, 24))
    assert model.steps[0].layout.grid == (6, 3)
    assert model(np.zeros((1, 48, 24, 3), np.float32))["norm"].shape == (1, 19, 24)


@pytest.mark.parametrize("size", [(300, 200), (200, 301), (48, 48), (33, 90)])
@pytest.mark.parametrize("crop", [0.875, 0.9, 1.0])
def test_centre_crop_follows_torchvision(size, crop):
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    edge = int(32 / crop)
    height, width = size
    shorter = min(size)
    wanted = (edge * width // shorter, edge) if height < width else (edge, edge * height // shorter)
    resized = np.asarray(Image.fromarray(picture).resize(wanted, Image.Resampling.BICUBIC))
    top, left = (round((resized.shape[axis] - 32) / 2) for axis in (0, 1))
    expected = resized[top : top + 32, left : left + 32].astype(np.float32) / 255
    found = TimmPreprocessor((32, 32), mean=(0.0,) * 3, std=(1.0,) * 3, crop_fraction=crop)([picture])[0]
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("mode", ["center", "squash", "border"])
@pytest.mark.parametrize("size", [(32, 32), (24, 40)])
def test_every_crop_mode_gives_the_size(mode, size):
    settings = {"input_size": (3, *size), "crop_mode": mode, "crop_pct": 0.9, "interpolation": "bilinear"}
    preprocess = read_preprocessing(settings, "config.json")
    white = np.full((50, 70, 3), 255, np.uint8)
    found = preprocess([white])
    assert found.shape == (1, *size, 3)
    # The mean is 0 after normalisation; a border reaches every corner.
    assert (np.abs(found[0, 0, 0]).max() < 0.02) == (mode == "border")
    assert preprocess.description["crop_mode"] == mode
