"""Scenic's ResNet."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jaxsim.models.families.resnet import ResNet, ResNetSettings
from jaxsim.models.family import Architecture, Shapes
from jaxsim.models.google.architecture import GoogleArchitecture, ImageSize, Line, rules, same
from jaxsim.models.layers.conv_stages import read_stages
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable, as_is
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor


def _describe(shapes: Shapes, image_size: ImageSize, overrides: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Returns the configuration that the shapes tell: a new stage begins where the blocks get wider."""
    numbers = sorted({int(found[1]) for name in shapes if (found := re.match(r"ResidualBlock_(\d+)/", name))})
    names = [f"ResidualBlock_{number}/conv3/kernel" for number in numbers]
    if not numbers or numbers != list(range(len(numbers))) or not all(name in shapes for name in names):
        raise ValueError(f"{where}: expected ResidualBlock_0, _1, ... without gaps, each with conv3; found {numbers}")
    if not any(name.startswith("batch_stats/") for name in shapes):
        raise ValueError(
            f"{where}: the ResNet's batch statistics are missing; expected them under model_state/batch_stats. Save "
            "the whole training state, not the parameters alone."
        )
    widths: list[int] = []
    depths: list[int] = []
    for name in names:
        width = shapes[name][-1]
        if not widths or width != widths[-1]:
            widths.append(width)
            depths.append(0)
        depths[-1] += 1
    bottleneck = "ResidualBlock_0/conv1/kernel" in shapes
    return {
        "embedding_size": shapes["stem_conv/kernel"][-1],
        "hidden_sizes": widths,
        "depths": depths,
        "bottleneck": bottleneck,
        # The original compares with four times the width whatever the block, so basic blocks always project.
        "project_always": not bottleneck,
        "num_classes": shapes.get("output_projection/kernel", (0,))[-1],
    }


def _normalised(name: str, norm: str, to: str) -> list[Line]:
    """Lines for a convolution and its batch norm."""
    return [
        (f"{name}/kernel", f"{to}/conv/kernel", as_is),
        *[(f"{norm}/{leaf}", f"{to}/norm/{leaf}", as_is) for leaf in ("scale", "bias")],
    ]


def _statistics(norm: str, to: str) -> list[Line]:
    return [(f"batch_stats/{norm}/{leaf}", f"batch_stats/{to}/norm/{leaf}", as_is) for leaf in ("mean", "var")]


def _table(depths: tuple[int, ...], bottleneck: bool) -> WeightTable:
    lines = [
        *_normalised("stem_conv", "init_bn", "stem"),
        *_statistics("init_bn", "stem"),
        *same("output_projection", to="classifier"),
    ]
    places = [f"stage{stage}_block{block}" for stage, depth in enumerate(depths) for block in range(depth)]
    # Basic blocks call their two convolutions conv2 and conv3.
    parts = {"proj_": "shortcut"} | {str(k + 1): f"conv{k if bottleneck else k - 1}" for k in range(3)}
    for index, place in enumerate(places):
        for part, target in parts.items():
            conv, norm = ("proj_conv", "proj_bn") if part == "proj_" else (f"conv{part}", f"bn{part}")
            block = f"ResidualBlock_{index}"
            lines += _normalised(f"{block}/{conv}", f"{block}/{norm}", f"{place}/{target}")
            lines += _statistics(f"{block}/{norm}", f"{place}/{target}")
    return WeightTable(tuple(rules(lines)))


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    stages = read_stages(config)
    settings = ResNetSettings(
        stem_width=config("embedding_size"),
        stages=stages,
        bottleneck=config("bottleneck"),
        project_always=config("project_always"),
    )
    image_size = (224, 224)
    plain = PlainPreprocessor(
        image_size,
        fit="crop",
        crop_fraction=0.875,
        reason="the checkpoint carries none; Scenic's imagenet pipeline: the central 224 of 256, bicubic, the mean and "
        "deviation of ImageNet",
    )
    return Architecture(
        ResNet(settings, n_labels=config("num_classes")), _table(stages.depths, settings.bottleneck), image_size, plain
    )


RESNET = GoogleArchitecture(
    family="resnet",
    title="Scenic's ResNet",
    formats=("msgpack", "orbax"),
    signature=("stem_conv/kernel", "init_bn/scale"),
    describe=_describe,
    overridable=(),
    build=_build,
    codebases={"resnet": ("Scenic",)},
    parity=1e-4,  # activations reach 10
)
