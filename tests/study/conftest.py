"""Labelled imbalances whose truth is known by construction."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import xarray as xr

from jaxsim.study import StepLabel, label_imbalance


@pytest.fixture
def step_labels() -> Callable[..., list[StepLabel]]:
    """Makes the labels of a model with evenly spaced steps; `grids` and `widths` give them stages."""

    def make(
        model: str,
        n_steps: int,
        grids: Sequence[tuple[int, int]] | None = None,
        widths: Sequence[int] | None = None,
    ) -> list[StepLabel]:
        last = max(n_steps - 1, 1)
        return [
            StepLabel(
                model,
                f"block{i:02d}",
                i / last,
                grid=grids[i] if grids else (7, 7),
                n_features=widths[i] if widths else 16,
            )
            for i in range(n_steps)
        ]

    return make


@pytest.fixture
def depth_imbalance() -> Callable[..., xr.Dataset]:
    """Makes an imbalance that grows with the difference in depth: the floor at equal depth, more in the forward direction."""

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
