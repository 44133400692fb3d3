"""EfficientNet (Tan & Le 2019), as the TensorFlow original pads it."""

from __future__ import annotations

import math

from jaxsim.models.family import Architecture, Family, Shapes, head_size
from jaxsim.models.layers.conv_layers import Padding, conv_norm
from jaxsim.models.layers.conv_stages import rounded_width
from jaxsim.models.layers.inverted_residuals import InvertedBlock, InvertedNet, InvertedNetSettings
from jaxsim.models.loading.config import ConfigReader
from jaxsim.models.loading.weights import WeightTable, conv, linear
from jaxsim.models.preprocessing.preprocessors import PlainPreprocessor

# Widths that the configuration scales but does not name.
_STEM_WIDTH, _TOP_WIDTH = 32, 1280


def _padding(kernel: int, stride: int, centred: bool) -> Padding:
    """Returns the padding of a depthwise convolution: as for even maps, unless the configuration has it centred."""
    after = kernel // 2
    before = after if centred else after - 1
    return "SAME" if stride == 1 else ((before, after), (before, after))


def _read_blocks(config: ConfigReader) -> tuple[InvertedBlock, ...]:
    """Returns the blocks, with widths and numbers scaled by the configuration's coefficients."""
    names = ("in_channels", "out_channels", "kernel_sizes", "strides", "expand_ratios", "num_block_repeats")
    lists = {name: list(config(name)) for name in names}
    if len({len(values) for values in lists.values()}) != 1 or not set(lists["strides"]) <= {1, 2}:
        raise ValueError(
            f"{config.where}: expected lists of one length, with strides 1 and 2 only; got "
            + ", ".join(f"{name}={values}" for name, values in lists.items())
        )
    width, divisor = config("width_coefficient"), config("depth_divisor")
    previous = rounded_width(_STEM_WIDTH * width, divisor)
    centred, squeeze, activation = (
        set(config("depthwise_padding")),
        config("squeeze_expansion_ratio"),
        config("hidden_act"),
    )
    blocks: list[InvertedBlock] = []
    for given, out, kernel, stride, expansion, repeats in zip(*(lists[name] for name in names), strict=True):
        if rounded_width(given * width, divisor) != previous:
            config.refuse(
                "in_channels",
                f"{given} does not fit the {previous} channels that come before (out_channels, or the stem's, scaled "
                "by width_coefficient to multiples of depth_divisor)",
            )
        entering, previous = previous, rounded_width(out * width, divisor)
        for index in range(math.ceil(config("depth_coefficient") * repeats)):
            step = 1 if index else stride
            blocks.append(
                InvertedBlock(
                    kind="separable" if expansion == 1 else "inverted",
                    width=previous,
                    inner=entering * expansion,
                    kernel=kernel,
                    stride=step,
                    residual=index > 0 and step == 1,
                    squeezed=max(1, int(entering * squeeze)),
                    activation=activation,
                    padding=_padding(kernel, step, len(blocks) in centred),
                )
            )
            entering = previous
    return tuple(blocks)


def _build(config: ConfigReader, shapes: Shapes) -> Architecture:
    config.read_channels()
    config.require("pooling_type", "mean", "max")
    config.ignore("batch_norm_momentum", "dropout_rate", "drop_connect_rate", "num_hidden_layers")  # for training
    blocks = _read_blocks(config)
    top = rounded_width(_TOP_WIDTH * config("width_coefficient"), config("depth_divisor"))
    if config("hidden_dim") != top:
        config.refuse("hidden_dim", f"only {top} is supported, which width_coefficient and depth_divisor give")
    settings = InvertedNetSettings(
        stem_width=rounded_width(_STEM_WIDTH * config("width_coefficient"), config("depth_divisor")),
        blocks=blocks,
        top_width=top,
        activation=config("hidden_act"),
        eps=config("batch_norm_eps"),
        pool=config("pooling_type"),
        # TensorFlow's for even images, whatever the size.
        stem_padding=((0, 1), (0, 1)),
    )
    source, target = "encoder.blocks.{i}", "block{i:02d}"
    table = WeightTable(
        rules=(
            *conv_norm("embeddings", "stem", ("convolution", "batchnorm")),
            *conv_norm(f"{source}.expansion", f"{target}/expand", ("expand_conv", "expand_bn")),
            *conv_norm(f"{source}.depthwise_conv", f"{target}/depthwise", ("depthwise_conv", "depthwise_norm")),
            *conv(f"{source}.squeeze_excite.reduce", f"{target}/squeeze/reduce"),
            *conv(f"{source}.squeeze_excite.expand", f"{target}/squeeze/expand"),
            *conv_norm(f"{source}.projection", f"{target}/project", ("project_conv", "project_bn")),
            *conv_norm("encoder", "top", ("top_conv", "top_bn")),
            *linear("classifier", "classifier"),
        ),
        prefixes=("efficientnet.",),
    )
    module = InvertedNet(settings, n_labels=head_size(shapes, "classifier.weight"))
    image_size = config.pair("image_size")
    return Architecture(module, table, image_size, PlainPreprocessor(image_size))


FAMILY = Family(name="efficientnet", title="EfficientNet", model_types=("efficientnet",), build=_build)
