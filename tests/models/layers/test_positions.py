import numpy as np
import pytest
import scipy.ndimage
import torch

from jaxsim.models.layers.positions import resize_grid

SIZES = [
    ((4, 4), (7, 5)),
    ((7, 6), (3, 4)),
    ((5, 5), (5, 9)),
    ((16, 16), (14, 14)),
    ((3, 3), (1, 1)),
    ((9, 8), (2, 20)),
]


@pytest.mark.parametrize(("size", "wanted"), SIZES)
@pytest.mark.parametrize("method", ["bicubic", "bilinear", "bicubic_antialias", "bilinear_antialias"])
def test_equals_torch(size, wanted, method):
    table = np.random.default_rng(0).standard_normal((*size, 3)).astype(np.float32)
    mode, _, antialias = method.partition("_")
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(table.transpose(2, 0, 1))[None],
        size=wanted,
        mode=mode,
        align_corners=False,
        antialias=bool(antialias),
    )[0]
    np.testing.assert_allclose(resize_grid(table, wanted, method), expected.permute(1, 2, 0), atol=1e-5)


@pytest.mark.parametrize(("size", "wanted"), [pair for pair in SIZES if min(pair[1]) > 1])
def test_linear_corners_equals_scipy(size, wanted):
    table = np.random.default_rng(0).standard_normal((*size, 3)).astype(np.float32)
    zoom = (wanted[0] / size[0], wanted[1] / size[1], 1)
    expected = scipy.ndimage.zoom(table, zoom, order=1)
    np.testing.assert_allclose(resize_grid(table, wanted, "linear_corners"), expected, atol=2e-6)
