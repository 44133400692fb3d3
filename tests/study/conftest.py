"""Labelled imbalances whose truth is known by construction; tiny models and pictures."""

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from jaxsim.models import VisionModel, load_model
from jaxsim.study import StepLabel, label_imbalance


@pytest.fixture
def step_labels() -> Callable[..., list[StepLabel]]:
    """Makes the labels of a model with evenly spaced steps; `grids` and `channels` give them stages."""

    def make(
        model: str,
        n_steps: int,
        grids: Sequence[tuple[int, int]] | None = None,
        channels: Sequence[int] | None = None,
    ) -> list[StepLabel]:
        last = max(n_steps - 1, 1)
        return [
            StepLabel(
                model,
                f"block{i:02d}",
                i / last,
                grid=grids[i] if grids else (7, 7),
                channels=channels[i] if channels else 16,
            )
            for i in range(n_steps)
        ]

    return make


@pytest.fixture
def depth_imbalance() -> Callable[..., xr.Dataset]:
    """Makes an imbalance that grows with the difference in depth, more in the forward direction."""

    def make(labels: Sequence[StepLabel], k: tuple[int, ...] = (1,), n_samples: int = 1000) -> xr.Dataset:
        depth = np.array([label.depth for label in labels])
        gap = depth[None, :] - depth[:, None]
        floor = (np.array(k) + 1)[:, None, None] / n_samples
        values = floor + np.abs(gap) * np.where(gap > 0, 0.6, 0.4)
        return label_imbalance(
            values,
            labels,
            k=k,
            standard_error=np.full_like(values, 0.01),
            n_samples=n_samples,
            attrs={"n_samples": n_samples, "metric": "euclidean", "warnings": "[]"},
        )

    return make


@pytest.fixture(scope="session")
def random_vit(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., VisionModel]:
    """Makes an untrained ViT of a few thousand parameters."""
    folder = tmp_path_factory.mktemp("vit")
    config = {
        "model_type": "vit",
        "hidden_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "image_size": 8,
        "patch_size": 4,
    }
    (folder / "config.json").write_text(json.dumps(config))

    @functools.cache
    def make(seed: int = 0, name: str = "vit") -> VisionModel:
        return load_model(folder, init="random", seed=seed, name=name)

    return make


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of 30 small pictures of mixed sizes, modes and formats."""
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    rng = np.random.default_rng(0)
    modes = ["RGB", "L", "P", "RGBA", "CMYK", "1"]
    for i in range(30):
        mode = modes[i % len(modes)]
        height, width = rng.integers(9, 40, 2)
        image = Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8)).convert(mode)
        suffix = "jpg" if mode in ("RGB", "L", "CMYK") else "png"
        image.save(folder / ("deep" if i % 2 else ".") / f"{i:02d}.{suffix}")
    return folder
