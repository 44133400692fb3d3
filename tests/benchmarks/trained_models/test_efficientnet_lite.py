"""Names of EfficientNet-Lite's tensors, and the network that jaxsim makes of them."""

import numpy as np
import pytest
import torch

import jaxsim
from benchmarks.trained_models.efficientnet_lite import EDGES, configuration, timm_names, write_checkpoint
from benchmarks.trained_models.originals import efficientnet_differences
from jaxsim.models.timm.names import family_of

#: Repeats, kernel and width of the stages of a network with the places of Lite0 and fewer channels.
STAGES = ((1, 3, 4), (2, 3, 6), (2, 5, 8), (3, 3, 10), (3, 5, 12), (4, 5, 14), (1, 3, 16))


def norm(name, width):
    shapes = {f"{name}.{kind}": (width,) for kind in ("weight", "bias", "running_mean", "running_var")}
    return shapes | {f"{name}.num_batches_tracked": ()}


def shapes_of(stages=STAGES, stem=8, head=20, n_classes=5):
    """Shapes of all tensors under the names of the package."""
    shapes = {"_conv_stem.weight": (stem, 3, 3, 3), **norm("_bn0", stem)}
    width, i = stem, 0
    for repeats, kernel, wide in stages:
        for _ in range(repeats):
            block, inner = f"_blocks.{i}", 6 * width if i else width
            if i:
                shapes |= {f"{block}._expand_conv.weight": (inner, width, 1, 1), **norm(f"{block}._bn0", inner)}
            shapes |= {f"{block}._depthwise_conv.weight": (inner, 1, kernel, kernel), **norm(f"{block}._bn1", inner)}
            shapes |= {f"{block}._project_conv.weight": (wide, inner, 1, 1), **norm(f"{block}._bn2", wide)}
            width, i = wide, i + 1
    shapes |= {"_conv_head.weight": (head, width, 1, 1), **norm("_bn1", head)}
    return shapes | {"_fc.weight": (n_classes, head), "_fc.bias": (n_classes,)}


def test_names_are_timms():
    names = timm_names(shapes_of())
    assert len(set(names.values())) == len(names)
    expected = {
        "_conv_stem.weight": "conv_stem.weight",
        "_bn0.running_var": "bn1.running_var",
        "_blocks.0._depthwise_conv.weight": "blocks.0.0.conv_dw.weight",
        "_blocks.0._bn1.weight": "blocks.0.0.bn1.weight",
        "_blocks.0._project_conv.weight": "blocks.0.0.conv_pw.weight",
        "_blocks.0._bn2.bias": "blocks.0.0.bn2.bias",
        "_blocks.4._expand_conv.weight": "blocks.2.1.conv_pw.weight",
        "_blocks.4._bn0.weight": "blocks.2.1.bn1.weight",
        "_blocks.15._depthwise_conv.weight": "blocks.6.0.conv_dw.weight",
        "_blocks.15._bn1.weight": "blocks.6.0.bn2.weight",
        "_blocks.15._project_conv.weight": "blocks.6.0.conv_pwl.weight",
        "_blocks.15._bn2.running_mean": "blocks.6.0.bn3.running_mean",
        "_conv_head.weight": "conv_head.weight",
        "_bn1.weight": "bn2.weight",
        "_fc.bias": "classifier.bias",
    }
    assert {name: names[name] for name in expected} == expected


def test_other_tensors_are_refused():
    with pytest.raises(
        ValueError, match=r"expected the tensors of an EfficientNet-Lite, got '_blocks.3._se_reduce.weight'"
    ):
        timm_names(shapes_of() | {"_blocks.3._se_reduce.weight": (2, 8, 1, 1)})


@pytest.mark.parametrize("size", EDGES)
def test_configurations_are_of_known_networks(size):
    config = configuration(size)
    assert family_of(config["architecture"], "here") == "efficientnet"
    assert config["pretrained_cfg"]["input_size"] == [3, EDGES[size], EDGES[size]]


@pytest.mark.slow
def test_a_file_of_tensors_becomes_a_network_of_all_blocks(tmp_path):
    rng = np.random.default_rng(0)
    state = {name: torch.tensor(0.5 + 0.1 * rng.random(shape)).float() for name, shape in shapes_of().items()}
    torch.save(state, tmp_path / "weights.pth")
    write_checkpoint(tmp_path / "weights.pth", "lite0", tmp_path / "converted")
    model = jaxsim.load_model(tmp_path / "converted")
    assert [step.name for step in model.steps] == ["stem", *(f"block{i:02d}" for i in range(16)), "top"]
    assert model.image_size == (224, 224)


def test_nothing_in_a_file_is_run(tmp_path):
    class Payload:
        def __reduce__(self):
            return (print, ("run",))

    torch.save({"_conv_stem.weight": Payload()}, tmp_path / "weights.pth")
    with pytest.raises(Exception, match=r"(?i)weights_only"):
        write_checkpoint(tmp_path / "weights.pth", "lite0", tmp_path / "converted")


@pytest.mark.slow  # at its full size, and only where the package is
def test_the_network_computes_what_the_package_does(tmp_path):
    package = pytest.importorskip("efficientnet_lite_pytorch")
    torch.manual_seed(0)
    original = package.EfficientNet.from_name("efficientnet-lite1")
    for name, value in original.state_dict().items():
        if "_bn" in name and value.is_floating_point():  # as they are made, norms do nothing
            value.add_(0.2 * torch.rand(value.shape))
    torch.save(original.state_dict(), tmp_path / "weights.pth")
    write_checkpoint(tmp_path / "weights.pth", "lite1", tmp_path / "converted")
    pixels = np.random.default_rng(0).normal(size=(1, 240, 240, 3)).astype(np.float32)
    found = efficientnet_differences(tmp_path / "weights.pth", "lite1", tmp_path / "converted", pixels)
    assert len(found) == 21 + 1
    assert max(found.values()) < 2e-5
