"""Checkpoints that transformers' `*Backbone` classes save: the same blocks, and other norms at the end."""

import numpy as np
import pytest
import torch
import transformers

from jaxsim.models import load_model

from ..every_day import first_every_day

VIT = {"hidden_size": 24, "num_attention_heads": 3, "num_hidden_layers": 3, "patch_size": 4, "image_size": 32}
STAGES = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}
WINDOWS = {"embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2], "window_size": 4, "patch_size": 4, "image_size": 32}
# Name of the class, its configuration, whether it keeps its last norm.
CASES = {
    "Swin": ("Swin", WINDOWS, True),
    "Swinv2": ("Swinv2", WINDOWS, False),
    "ConvNext": ("ConvNext", {**STAGES, "out_features": ["stage1", "stage3"]}, False),
    "ConvNextV2": ("ConvNextV2", STAGES, False),
    "Beit": ("Beit", {**VIT, "intermediate_size": 36, "out_features": ["stage1", "stage3"]}, False),
    "Bit": ("Bit", {**STAGES, "embedding_size": 8, "num_groups": 4}, True),
    "Dinov2": ("Dinov2", {**VIT, "out_features": ["stage1", "stage3"]}, True),
    "Dinov2WithRegisters": ("Dinov2WithRegisters", VIT, True),
    "DINOv3ViT": ("DINOv3ViT", {**VIT, "intermediate_size": 36}, True),
    "DINOv3ConvNext": ("DINOv3ConvNext", STAGES, False),
    "ResNet": ("ResNet", {**STAGES, "embedding_size": 8, "out_features": ["stage2", "stage4"]}, False),
}


@pytest.mark.parametrize(("name", "settings", "normed"), first_every_day(CASES))
def test_backbones_have_the_states_of_the_original(parity_bound, tmp_path, name, settings, normed):
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**settings)
    original = getattr(transformers, f"{name}Backbone")(config).eval()
    original.save_pretrained(tmp_path)
    images = np.random.default_rng(0).normal(size=(2, 32, 32, 3)).astype("f4")
    model = load_model(tmp_path, granularity="hf")
    with torch.no_grad():
        states = original(torch.tensor(images.transpose(0, 3, 1, 2)), output_hidden_states=True).hidden_states
    found = list(model(images).values())
    if "Swin" in name:  # where the whole model has its hidden states after merging, the backbone has them before
        blocks = load_model(tmp_path)(images)
        found = [blocks["embeddings"], *(blocks[f"stage{stage}.block0"] for stage in (0, 1))]
    assert len(found) == len(states)
    assert ("norm" in [step.name for step in load_model(tmp_path).steps]) == normed
    for actual, wanted in zip(found, states, strict=True):
        expected = wanted.numpy().transpose(0, 2, 3, 1) if wanted.ndim == 4 else wanted.numpy()
        error = np.abs(np.asarray(actual).reshape(expected.shape) - expected).max() / max(1, np.abs(expected).max())
        assert error <= parity_bound
