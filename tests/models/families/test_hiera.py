import numpy as np
import pytest
import torch
import transformers

from jaxsim.models import load_model

from ..every_day import first_every_day

BASE = {"embed_dim": 8, "depths": [1, 2, 1], "num_heads": [1, 2, 2], "num_query_pool": 2, "num_labels": 5}
BASE |= {"image_size": [32, 32], "masked_unit_size": [4, 4], "masked_unit_attention": [True, True, False]}
CONFIGS = {
    "plain": {},
    "four_stages": {
        "depths": [1, 1, 2, 1],
        "num_heads": [1, 2, 2, 4],
        "num_query_pool": 3,
        "masked_unit_size": [8, 8],
        "masked_unit_attention": [True, True, False, False],
        "image_size": [64, 64],
    },
    "wide_images": {"image_size": [32, 48], "hidden_act": "relu", "layer_norm_eps": 1e-3, "mlp_ratio": 2.0},
    "windows_everywhere": {"masked_unit_attention": [True, True, True], "embed_dim_multiplier": 3.0},
    "global_from_the_first": {
        "masked_unit_attention": [False, False, False],
        "patch_size": [5, 5],
        "patch_padding": [2, 2],
    },
}
CASES = {name: {**BASE, **changes} for name, changes in CONFIGS.items()}


@pytest.fixture
def hiera_parity(tmp_path, parity_bound):
    """Compares a model with its original, whose reshaped hidden states are maps."""

    def compare(model_class, settings, size):
        torch.manual_seed(0)
        original = model_class(transformers.HieraConfig(**settings)).eval()
        with torch.no_grad():
            for weight in original.parameters():
                weight.add_(0.3 * torch.randn(weight.shape) / max(1, weight[0].numel()) ** 0.5)
        original.save_pretrained(tmp_path)
        model = load_model(tmp_path, image_size=size)
        images = np.random.default_rng(0).standard_normal((2, *model.image_size, 3)).astype(np.float32)
        pixels = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
        # The original puts the tokens of its hidden states in order only for images of the configuration's size.
        ordered = size is None
        with torch.no_grad():
            wanted = original(pixels, output_hidden_states=ordered, interpolate_pos_encoding=not ordered)
        states, outputs = model(images), model.outputs(images)
        stages = enumerate(settings["depths"])
        found = [states["embeddings"], *(states[f"stage{stage}.block{depth - 1}"] for stage, depth in stages)]
        maps = [state.flatten(1, 2) for state in wanted.reshaped_hidden_states] if ordered else []
        pairs = list(zip(found, maps, strict=True)) if ordered else []
        pairs += [(outputs[name], wanted[name]) for name in outputs if name in wanted]
        for actual, expected in pairs:
            assert actual.shape == expected.shape
            error = np.abs(np.asarray(actual) - expected.numpy()).max() / max(1, expected.abs().max())
            assert error <= parity_bound
        return model, outputs

    return compare


@pytest.mark.parametrize("settings", first_every_day(CASES))
def test_states(hiera_parity, settings):
    model, outputs = hiera_parity(transformers.HieraModel, settings, None)
    assert [step.name for step in model.steps][-1] == "norm"
    assert {"last_hidden_state", "pooler_output"} == set(outputs)


@pytest.mark.slow
def test_classifier(hiera_parity):
    model, outputs = hiera_parity(transformers.HieraForImageClassification, CASES["plain"], None)
    assert model.module.n_labels == 5
    assert outputs["logits"].shape == (2, 5)


@pytest.mark.slow
def test_positions_are_resized(hiera_parity):
    hiera_parity(transformers.HieraModel, CASES["plain"], (64, 64))


def test_images_without_whole_windows(tmp_path):
    transformers.HieraModel(transformers.HieraConfig(**BASE)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"36 x 40 pixels give 9 x 10 tokens.*use multiples of 16 x 16"):
        load_model(tmp_path, image_size=(36, 40)).steps  # noqa: B018


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_query_pool": 1}, "num_query_pool=1: only 2 is supported"),
        ({"masked_unit_size": [8, 8]}, r"masked_unit_size=\[8, 8\]"),
        ({"num_heads": [1, 2]}, "expected lists of one length"),
    ],
)
def test_contradictions_are_refused(tmp_path, changes, message):
    transformers.HieraConfig(**{**BASE, **changes}).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=message):
        load_model(tmp_path, init="random")
