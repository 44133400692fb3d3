"""Checkpoints as `save_pretrained` writes them, and pictures."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Path]:
    """Makes directories of tiny ViTs with random weights."""
    torch = pytest.importorskip("torch")
    from transformers import ViTConfig, ViTImageProcessor, ViTModel

    @functools.cache
    def make(seed: int) -> Path:
        folder = tmp_path_factory.mktemp("models") / f"vit{seed}"
        torch.manual_seed(seed)
        config = ViTConfig(
            hidden_size=8,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=16,
            image_size=8,
            patch_size=4,
        )
        ViTModel(config).save_pretrained(folder)
        ViTImageProcessor(size={"height": 8, "width": 8}).save_pretrained(folder)
        return folder

    return make


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of 24 small pictures."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(24):
        height, width = rng.integers(9, 40, 2)
        Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).save(folder / f"{i:02d}.png")
    return folder


@pytest.fixture(autouse=True)
def no_compilation_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps tests out of the user's cache."""
    monkeypatch.setenv("JAXSIM_COMPILATION_CACHE", "off")
    monkeypatch.delenv("JAXSIM_TRACEBACK", raising=False)
