"""Layouts, image sizes and preprocessing of captured models."""

import numpy as np
import pytest
import torch

from jaxsim.features import extract
from jaxsim.models import Map, PlainPreprocessor, Tokens, capture


class TokenNet(torch.nn.Module):
    """Tokens `[B, n_prefix + rows * columns, 4]`, with or without a patch embedding that is a module."""

    def __init__(self, n_prefix: int, edge: int, embed: bool) -> None:
        super().__init__()
        self.n_prefix, self.edge = n_prefix, edge
        self.embed = torch.nn.Conv2d(3, 4, edge, stride=edge) if embed else None
        self.block = torch.nn.Linear(4, 4)

    def forward(self, x):
        x = self.embed(x) if self.embed else torch.nn.functional.avg_pool2d(x, self.edge)[:, [0, 1, 2, 0]]
        x = x.flatten(2).transpose(1, 2)
        return self.block(torch.cat([x[:, :1].expand(-1, self.n_prefix, -1), x], 1))


def test_token_layouts_are_read_or_refused_never_guessed() -> None:
    def layout(n_prefix: int, edge: int, size: int | tuple[int, int], embed: bool = False, **options):
        model = capture(TokenNet(n_prefix, edge, embed), image_size=size, include="block", **options)
        return model.steps[0].layout

    assert layout(1, 16, 224) == Tokens(("token0",), (14, 14))
    assert layout(5, 14, 224) == Tokens(tuple(f"token{i}" for i in range(5)), (16, 16))
    assert layout(0, 8, (32, 64)) == Tokens((), (4, 8))
    assert layout(1, 4, 12, prefix=("cls",)) == Tokens(("cls",), (3, 3))
    assert layout(0, 4, 12, prefix=()) == Tokens((), (3, 3))
    assert layout(0, 4, 12, embed=True) == Tokens((), (3, 3))
    assert layout(0, 4, 12, grid=(3, 3)) == Tokens((), (3, 3))
    assert layout(1, 4, 12, layouts={"block": Tokens(("cls",), (3, 3))}) == Tokens(("cls",), (3, 3))
    with pytest.raises(ValueError, match=r"9 tokens for images of 12 x 12, which can be 5 \+ 2 x 2 or 0 \+ 3 x 3"):
        layout(0, 4, 12)
    with pytest.raises(ValueError, match="no grid of patches that fits the image"):
        layout(20, 4, 8)
    with pytest.raises(ValueError, match="does not describe its sizes"):
        layout(1, 4, 12, layouts={"block": Tokens((), (3, 3))})


def test_mean_pooling_takes_patches_only(pictures) -> None:
    model = capture(TokenNet(1, 4, True), image_size=8, include="block")
    state = np.asarray(model(model.preprocess(pictures))["block"])
    images = np.stack(pictures)
    np.testing.assert_allclose(extract(model, images)["block"], state[:, 1:].mean(1), atol=1e-6)
    with pytest.raises(ValueError, match=r"roles of token0 are unknown.*prefix="):
        extract(model, images, pool="cls")
    named = capture(TokenNet(1, 4, True), image_size=8, include="block", prefix=("cls",))
    expected = np.asarray(named(model.preprocess(pictures))["block"])[:, 0]
    np.testing.assert_allclose(extract(named, images, pool="cls")["block"], expected, atol=1e-6)


def test_other_image_sizes(conv_net) -> None:
    model = capture(conv_net, image_size=8)
    assert [s.layout for s in model.steps_at((12, 8))] == [Map((6, 4))] * 3 + [Map((3, 2))] * 2
    images = np.zeros((2, 12, 8, 3), np.float32)
    states = model(images)
    assert [state.shape[1:3] for state in states.values()] == [s.layout.grid for s in model.steps_at((12, 8))]


def test_preprocessing(pictures) -> None:
    net = TokenNet(0, 4, True)
    plain = capture(net, image_size=(8, 12), mean=(0, 0, 0), std=(1, 1, 1))
    images = plain.preprocess(pictures)
    assert images.shape == (4, 8, 12, 3)
    assert 0 <= images.min() < images.max() <= 1
    assert plain.preprocessing["mean"] == [0, 0, 0]
    cropped = capture(net, preprocess=PlainPreprocessor((8, 8), fit="crop", crop_fraction=0.875))
    assert cropped.preprocessing["crop_fraction"] == 0.875

    def gray(images):
        return np.stack([image[:8, :8, :1].astype(np.float32) for image in images])

    flat = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 4, stride=4))
    function = capture(flat, preprocess=gray)
    assert function(function.preprocess(pictures))["0"].shape == (4, 2, 2, 4)
    assert function.image_size == (8, 8)
    doubled = capture(flat, preprocess=lambda images: 2 * gray(images))
    assert doubled.preprocessing["fingerprint"] != function.preprocessing["fingerprint"]
    with pytest.raises(ValueError, match="wrap a single image"):
        plain.preprocess([])
    with pytest.raises(ValueError, match=r"expected float images \[B, H, W, 3\]"):
        plain(np.zeros((2, 8, 12, 1), np.float32))
