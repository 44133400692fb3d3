"""What computing a model in bfloat16 does to information imbalance: the figure in `load_model`'s documentation."""

import numpy as np
import pytest

import jaxsim
from jaxsim.features import pool_state

SOURCES = ("embedded:vit_digits", "embedded:resnet_digits")
# Measured on a CPU: 0.00095 and 0.00028; other platforms round in another order.
BOUND = 0.002


def consecutive(source, dtype, pixels):
    """Delta between consecutive steps, `[2, steps - 1]`: forward, backward."""
    model = jaxsim.load_model(source, dtype=dtype)
    pooled: dict[str, list[np.ndarray]] = {}
    for start in range(0, len(pixels), 200):
        for step, state in zip(model.steps, model(pixels[start : start + 200]).values(), strict=True):
            pooled.setdefault(step.name, []).append(np.asarray(pool_state(state, step.layout, "mean")))
    values = jaxsim.imbalance_matrix({name: np.concatenate(parts) for name, parts in pooled.items()}).values
    return np.stack([np.diagonal(values, 1), np.diagonal(values, -1)])


@pytest.mark.slow
@pytest.mark.parametrize("source", SOURCES)
def test_effect_of_bfloat16_on_delta(source):
    images = jaxsim.open_images("digits")
    pixels = jaxsim.load_model(source).preprocess([images.load(i) for i in range(len(images))])
    full, fast = (consecutive(source, dtype, pixels) for dtype in ("float32", "bfloat16"))
    change = np.abs(full - fast).max()
    print(f"{source}: Delta {full.min():.4f} to {full.max():.4f}, largest change {change:.5f}")
    assert 0 < change <= BOUND
