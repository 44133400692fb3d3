"""Filters and settings of `capture`, good and bad."""

import re

import numpy as np
import pytest
import torch

from jaxsim.models import PlainPreprocessor, capture


def test_filters(conv_net) -> None:
    def names(**options) -> list[str]:
        return [step.name for step in capture(conv_net, image_size=8, **options).steps]

    assert names(include="layer1.*") == ["layer1.0", "layer1.1"]
    assert names(include=["head", "layer1.0"]) == ["layer1.0", "head"]
    assert names(include=torch.nn.Conv2d, exclude="stem") == [f"layer{i}.{j}.conv" for i in (1, 2) for j in (0, 1)]
    assert names(include=re.compile(r"layer\d\.1")) == ["layer1.1", "layer2.1"]
    assert names(exclude=["layer1.**", "stem"]) == ["layer2.0", "layer2.1"]
    with pytest.raises(ValueError, match=r"include: no module call matches 'layer3.1'. Calls there are: layer[12].1, "):
        names(include=["stem", "layer3.1"])
    with pytest.raises(ValueError, match="exclude: no module call matches 'LSTM'"):
        names(exclude=torch.nn.LSTM)
    with pytest.raises(ValueError, match="no step is left"):
        names(exclude="**")
    with pytest.raises(ValueError, match="include=3: expected names"):
        names(include=3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "pass image_size="),
        ({"image_size": 0}, "image_size=0"),
        ({"image_size": 8, "mean": (1, 2)}, "mean=.*expected three numbers"),
        ({"image_size": 8, "std": (0, 1, 1)}, "std=.*expected three positive numbers"),
        ({"image_size": 8, "preprocess": PlainPreprocessor((8, 8))}, "image_size is not used with preprocess="),
        ({"preprocess": "resize"}, "preprocess: expected a PlainPreprocessor"),
        ({"preprocess": lambda images: np.stack([i.astype(float) for i in images])}, "images of all sizes to one"),
        ({"preprocess": lambda images: np.zeros((1, 8, 8), float)}, r"return float \[B, H, W, C\]"),
        ({"image_size": 8, "layouts": {"stem": "NCHW"}}, "expected axes"),
        ({"image_size": 8, "layouts": "BCHW"}, "layouts: expected a mapping"),
        ({"image_size": 8, "call": True}, "call: expected a mapping"),
        ({"image_size": 8, "call": {"train": False}}, "unexpected keyword argument 'train'"),
        ({"image_size": 8, "method": "forward_features"}, "has no such method"),
        ({"image_size": 8, "grid": 3}, "grid=3"),
        ({"image_size": 8, "prefix": "cls"}, "prefix='cls'"),
        ({"image_size": 8, "variables": {}}, "variables are for Linen modules"),
        ({"image_size": 8, "channels_first": False}, "Check image_size, channels_first"),
    ],
)
def test_bad_settings(conv_net, options, message) -> None:
    with pytest.raises(ValueError, match=message):
        capture(conv_net, **options)


def test_other_things_than_models(conv_net) -> None:
    with pytest.raises(ValueError, match="got int"):
        capture(3, image_size=8)
    with pytest.raises(ValueError, match="class ConvNet: make an object"):
        capture(type(conv_net), image_size=8)
