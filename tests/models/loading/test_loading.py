import json
import shutil
from pathlib import Path

import jax
import ml_dtypes
import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from safetensors.numpy import load_file, save_file

from jaxsim.models import load_model
from jaxsim.models.embedded import embedded_names
from jaxsim.models.family import families

CONFIG = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "image_size": 16,
    "patch_size": 8,
}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    directory = tmp_path_factory.mktemp("saved") / "small-vit"
    torch.manual_seed(0)
    transformers.ViTModel(transformers.ViTConfig(**CONFIG)).save_pretrained(directory)
    return directory


@pytest.fixture
def checkpoint(saved, tmp_path):
    return Path(shutil.copytree(saved, tmp_path / "small-vit"))


def edit_config(directory, **changes):
    path = directory / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def edit_weights(directory, change):
    tensors = load_file(directory / "model.safetensors")
    change(tensors)
    save_file(tensors, directory / "model.safetensors")


def images(model, n=2, seed=0):
    return np.random.default_rng(seed).standard_normal((n, *model.image_size, 3)).astype(np.float32)


def test_model_tells_what_it_is(checkpoint):
    model = load_model(checkpoint)
    assert (model.name, model.family, model.granularity) == ("small-vit", "vit", "block")
    assert [step.name for step in model.steps] == ["embeddings", "block00", "block01", "norm"]
    assert [step.depth for step in model.steps] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert model.steps[0].layout.prefix == ("cls",)
    assert model.steps_at((24, 40))[0].layout.grid == (3, 5)
    json.dumps([model.config, model.preprocessing])


def test_hidden_states_of_the_original_one_to_one(checkpoint):
    model = load_model(checkpoint, granularity="hf")
    pixels = images(model)
    with torch.no_grad():
        original = transformers.ViTModel.from_pretrained(checkpoint).eval()
        expected = original(torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy()), output_hidden_states=True)
    assert [step.name for step in model.steps] == [f"hidden_states.{i}" for i in range(3)]
    for state, wanted in zip(model(pixels).values(), expected.hidden_states, strict=True):
        np.testing.assert_allclose(state, wanted.numpy(), atol=2e-5)


def test_order_survives_jit(checkpoint):
    model = load_model(checkpoint)
    names = [step.name for step in model.steps]
    assert list(jax.jit(model.apply)(model.params, images(model))) == names == list(model(images(model)))


def test_steps_at_another_size_describe_the_states(checkpoint):
    model = load_model(checkpoint, image_size=(24, 40))
    states = model(images(model))
    for step in model.steps:
        assert states[step.name].shape == (2, step.layout.n_tokens, step.n_features)


def test_sharded_weights(checkpoint):
    whole = load_model(checkpoint)
    tensors = load_file(checkpoint / "model.safetensors")
    (checkpoint / "model.safetensors").unlink()
    names = sorted(tensors)
    shards = {"model-00001-of-00002.safetensors": names[:5], "model-00002-of-00002.safetensors": names[5:]}
    for file, members in shards.items():
        save_file({name: tensors[name] for name in members}, checkpoint / file)
    index = {"weight_map": {name: file for file, members in shards.items() for name in members}}
    (checkpoint / "model.safetensors.index.json").write_text(json.dumps(index))
    assert load_model(checkpoint).weights_hash == whole.weights_hash
    (checkpoint / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(ValueError, match="model-00002-of-00002"):
        load_model(checkpoint)


def test_hash_follows_weights_not_file(checkpoint):
    before = load_model(checkpoint).weights_hash

    def prefix(tensors):
        for name in list(tensors):
            tensors[f"vit.{name}"] = tensors.pop(name)

    edit_weights(checkpoint, prefix)
    assert load_model(checkpoint).weights_hash == before

    def nudge(tensors):
        tensors["vit.layernorm.bias"][0] += 1

    edit_weights(checkpoint, nudge)
    assert load_model(checkpoint).weights_hash != before


def test_bfloat16_files_and_computation(checkpoint):
    reference = load_model(checkpoint)
    x = images(reference)
    fast = load_model(checkpoint, dtype="bfloat16")(x)
    for name, state in reference(x).items():
        assert fast[name].dtype == ml_dtypes.bfloat16
        np.testing.assert_allclose(np.asarray(fast[name], np.float32), state, atol=0.1)

    def halve(tensors):
        for name in tensors:
            tensors[name] = tensors[name].astype(ml_dtypes.bfloat16)

    edit_weights(checkpoint, halve)
    model = load_model(checkpoint)
    assert {leaf.dtype for leaf in jax.tree.leaves(model.params)} == {np.dtype("float32")}


@pytest.mark.slow
def test_random_twin(checkpoint):
    model = load_model(checkpoint)
    twin, same, other = (load_model(checkpoint, init="random", seed=seed) for seed in (1, 1, 2))
    assert twin.name == "small-vit-random1"
    assert twin.steps == model.steps
    assert jax.tree.map(np.shape, twin.params) == jax.tree.map(np.shape, model.params)
    assert twin.weights_hash == same.weights_hash
    assert len({model.weights_hash, twin.weights_hash, other.weights_hash}) == 3


def test_random_twin_needs_no_weights(checkpoint):
    (checkpoint / "model.safetensors").unlink()
    assert load_model(checkpoint, init="random").steps[0].n_features == 16


def test_no_such_directory(tmp_path):
    with pytest.raises(ValueError, match="no such directory"):
        load_model(tmp_path / "nothing")


def test_directory_without_config(checkpoint):
    (checkpoint / "config.json").unlink()
    with pytest.raises(ValueError, match=r"no config\.json"):
        load_model(checkpoint)


def test_directory_without_weights(checkpoint):
    (checkpoint / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"no \*\.safetensors"):
        load_model(checkpoint)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pth"])
def test_pickles_are_refused(checkpoint, name):
    (checkpoint / "model.safetensors").rename(checkpoint / name)
    with pytest.raises(ValueError, match=r"pickled weights .*save_pretrained"):
        load_model(checkpoint)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "weights.pkl"])
def test_a_pickle_given_as_the_model(tmp_path, name):
    torch.save({"weight": torch.zeros(3)}, tmp_path / name)
    with pytest.raises(ValueError, match=r"is pickled, which can run any code .*save_file\(torch\.load\(path"):
        load_model(tmp_path / name)


def test_all_weight_problems_at_once(checkpoint):
    def damage(tensors):
        del tensors["layernorm.bias"]
        tensors["layernorm.twist"] = np.zeros(3, np.float32)
        tensors["encoder.layer.7.layernorm_after.bias"] = np.zeros(16, np.float32)
        tensors["embeddings.cls_token"] = np.zeros((1, 1, 17), np.float32)
        tensors["encoder.layer.0.output.dense.weight"] = np.zeros(4, np.float32)

    edit_weights(checkpoint, damage)
    with pytest.raises(ValueError, match="5 problem") as caught:
        load_model(checkpoint)
    message = str(caught.value)
    assert "missing tensor for params/norm/bias (16,)" in message
    assert "unexpected tensor layernorm.twist: unknown" in message
    assert "encoder.layer.7.layernorm_after.bias: no place for params/block07/norm2/bias" in message
    assert "embeddings.cls_token is (1, 1, 17)" in message
    assert "needs (1, 1, 16)" in message
    assert "encoder.layer.0.output.dense.weight is (4,)" in message


def test_tensor_given_twice(checkpoint):
    edit_weights(checkpoint, lambda tensors: tensors.update({"vit.layernorm.bias": np.zeros(16, np.float32)}))
    with pytest.raises(ValueError, match="both give params/norm/bias"):
        load_model(checkpoint)


def test_known_extras_may_stay_unused(checkpoint):
    edit_weights(
        checkpoint,
        lambda tensors: tensors.update({"embeddings.mask_token": np.zeros((1, 1, 16), np.float32)}),
    )
    load_model(checkpoint)


@pytest.mark.parametrize("left", [-100, 2000, 100, 4, 0])
def test_truncated_weights(checkpoint, left):
    path = checkpoint / "model.safetensors"
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(ValueError, match=r"model\.safetensors is not a whole safetensors file"):
        load_model(checkpoint)


def test_damaged_config(checkpoint):
    (checkpoint / "config.json").write_text("{")
    with pytest.raises(ValueError, match="not valid JSON"):
        load_model(checkpoint)


def test_unsupported_model_type(checkpoint):
    edit_config(checkpoint, model_type="vitt")
    with pytest.raises(ValueError, match=r"model_type .vitt. is not supported\. Nearest: vit") as caught:
        load_model(checkpoint)
    assert all(kind in str(caught.value) for family in families() for kind in family.model_types)


def test_missing_model_type(checkpoint):
    path = checkpoint / "config.json"
    path.write_text("{}")
    with pytest.raises(ValueError, match="no model_type"):
        load_model(checkpoint)


def test_unknown_attributes_are_refused_by_name(checkpoint):
    edit_config(checkpoint, rotary_twist=2, num_channels=2)
    with pytest.raises(ValueError, match="2 attribute") as caught:
        load_model(checkpoint)
    assert "rotary_twist=2: unknown" in str(caught.value)
    assert "num_channels=2: only 3 or 1 is supported" in str(caught.value)


def test_wrongly_typed_attribute(checkpoint):
    edit_config(checkpoint, hidden_size="wide")
    with pytest.raises(ValueError, match="not a valid vit configuration"):
        load_model(checkpoint)


def test_unknown_activation(checkpoint):
    edit_config(checkpoint, hidden_act="wobble")
    with pytest.raises(ValueError, match="activation 'wobble' is not supported; supported: gelu"):
        load_model(checkpoint)


@pytest.mark.parametrize(
    "options", [{"granularity": "layer"}, {"init": "zeros"}, {"dtype": "float16"}, {"image_size": (0, 4)}]
)
def test_unknown_options(checkpoint, options):
    with pytest.raises(ValueError, match="expected"):
        load_model(checkpoint, **options)


def test_images_of_a_wrong_shape(checkpoint):
    model = load_model(checkpoint)
    with pytest.raises(ValueError, match=r"expected float images \[B, H, W, 3\]"):
        model(np.zeros((16, 16, 3), np.float32))
    with pytest.raises(ValueError, match="smaller than one patch"):
        model(np.zeros((1, 4, 16, 3), np.float32))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16"])
def test_preprocess_takes_any_mode(checkpoint, mode):
    model = load_model(checkpoint)
    picture = Image.new("L", (20, 30), 128)
    image = Image.fromarray(np.full((30, 20), 32896, np.uint16)) if mode == "I;16" else picture.convert(mode)
    pixels = model.preprocess([image, np.full((9, 7), 128, np.uint8), np.full((9, 7, 3), 128, np.uint8)])
    assert pixels.shape == (3, 16, 16, 3)
    assert pixels.dtype == np.float32
    if mode not in ("1", "CMYK", "HSV"):
        np.testing.assert_allclose(pixels, 0.004, atol=0.01)


def test_preprocess_refuses_pixels_without_a_white(checkpoint):
    with pytest.raises(ValueError, match=r"image 0: mode I .* has no defined white"):
        load_model(checkpoint).preprocess([Image.new("I", (20, 30), 128)])


@pytest.mark.parametrize("image", [np.zeros((4, 4)), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8)])
def test_preprocess_names_what_is_no_image(checkpoint, image):
    with pytest.raises(ValueError, match="image 1: expected a PIL image or a uint8 array"):
        load_model(checkpoint).preprocess([np.zeros((4, 4), np.uint8), image])


def test_preprocess_wants_a_sequence(checkpoint):
    model = load_model(checkpoint)
    for wrong in ([], Image.new("RGB", (4, 4))):
        with pytest.raises(ValueError, match="at least one image"):
            model.preprocess(wrong)


def test_own_processor_of_the_checkpoint(checkpoint):
    processor = transformers.BitImageProcessorPil(
        size={"shortest_edge": 20}, crop_size={"height": 16, "width": 16}, resample=3
    )
    processor.save_pretrained(checkpoint)
    model = load_model(checkpoint)
    picture = np.random.default_rng(0).integers(0, 256, (40, 30, 3), np.uint8)
    expected = processor(images=[Image.fromarray(picture)], return_tensors="np")["pixel_values"]
    np.testing.assert_allclose(model.preprocess([picture]), expected.transpose(0, 2, 3, 1), atol=1e-6)
    assert model.preprocessing["processor"] == "BitImageProcessorPil"
    wide = load_model(checkpoint, image_size=(16, 32))
    assert wide.image_size == (16, 32) == wide.preprocess([picture]).shape[1:3]
    json.dumps(wide.preprocessing)


def test_processor_that_crops_by_itself(checkpoint):
    transformers.ConvNextImageProcessorPil(size={"shortest_edge": 32}).save_pretrained(checkpoint)
    picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    small, wide = (load_model(checkpoint, image_size=size) for size in ((16, 16), (16, 24)))
    expected = transformers.ConvNextImageProcessorPil(size={"shortest_edge": 16})([picture], return_tensors="np")
    np.testing.assert_array_equal(small.preprocess([picture]), expected["pixel_values"].transpose(0, 2, 3, 1))
    assert wide.image_size == (16, 24) == wide.preprocess([picture]).shape[1:3]


def test_processor_without_a_fixed_size(checkpoint):
    transformers.BitImageProcessorPil(size={"shortest_edge": 20}, do_center_crop=False).save_pretrained(checkpoint)
    with pytest.raises(ValueError, match=r"keeps the aspect ratio.*image_size"):
        load_model(checkpoint)


@pytest.mark.parametrize("name", embedded_names())
def test_a_shipped_model_is_of_the_family_that_its_name_says(name):
    expected = "vit" if name.startswith("vit") else "resnet"
    assert load_model(f"embedded:{name}").family == expected
    assert expected in [family.name for family in families()]
