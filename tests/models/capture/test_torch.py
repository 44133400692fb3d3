"""States of live torch modules."""

import jax
import numpy as np
import pytest
import torch
import transformers

import jaxsim
from jaxsim.features import StepModel
from jaxsim.models import Map, Tokens, Vector, capture, load_model


def test_torch_states_are_those_of_hooks_set_by_hand(conv_net, pictures) -> None:
    model = capture(conv_net, image_size=(8, 12), include="**")
    images = model.preprocess(pictures)
    expected = {}
    for name, module in conv_net.named_modules():

        def keep(_module, _args, output, name=name) -> None:
            expected[name or "output"] = output.numpy().copy()

        module.register_forward_hook(keep)
    conv_net.eval()
    with torch.no_grad():
        conv_net(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
    states, applied = model(images), model.apply(model.params, images)
    assert list(states) == list(applied) == list(expected) == [step.name for step in model.steps]
    for step in model.steps:
        value = expected[step.name]
        value = value.transpose(0, 2, 3, 1) if value.ndim == 4 else value
        np.testing.assert_array_equal(states[step.name], value)
        np.testing.assert_array_equal(applied[step.name], value)
        assert step.layout == (Map(value.shape[1:3]) if value.ndim == 4 else Vector())
        assert step.n_features == value.shape[-1]
    with pytest.raises(ValueError, match=r"cannot run under jax\.jit"):
        jax.jit(model.apply)(model.params, images)


def test_torch_default_is_stem_blocks_and_norm(conv_net) -> None:
    model = jaxsim.capture(conv_net, image_size=8, name="mine")
    assert isinstance(model, StepModel)
    assert [(s.name, s.kind) for s in model.steps] == [
        ("stem", "stem"),
        ("layer1.0", "block"),
        ("layer1.1", "block"),
        ("layer2.0", "block"),
        ("layer2.1", "block"),
    ]
    assert [s.depth for s in model.steps] == [0, 0.25, 0.5, 0.75, 1]
    assert (model.name, model.family, model.granularity) == ("mine", "ConvNet", "captured")
    assert model.source.startswith("live torch module")


def test_torch_module_is_left_as_it_was(conv_net, pictures) -> None:
    conv_net.train()
    conv_net.layer1[0].bn.eval()
    modes = [module.training for module in conv_net.modules()]
    before = {name: value.clone() for name, value in conv_net.state_dict().items()}
    model = capture(conv_net, image_size=8)
    states = model(model.preprocess(pictures))
    assert [module.training for module in conv_net.modules()] == modes
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in conv_net.modules())
    assert all(torch.equal(value, before[name]) for name, value in conv_net.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in conv_net.parameters())
    assert torch.is_grad_enabled()
    assert torch.backends.mha.get_fastpath_enabled()
    assert all(isinstance(state, jax.Array) for state in states.values())
    conv_net(torch.zeros(2, 3, 8, 8)).sum().backward()


def test_torch_hooks_are_removed_when_the_model_raises(conv_net, pictures) -> None:
    model = capture(conv_net, image_size=8)
    conv_net.train()
    conv_net.head.forward = lambda x: 1 / 0
    with pytest.raises(ZeroDivisionError):
        model(model.preprocess(pictures))
    assert conv_net.training
    assert conv_net.head.training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in conv_net.modules())
    with pytest.raises(ValueError, match=r"ConvNet fails on images of shape \(3, 3, 8, 8\): ZeroDivisionError"):
        capture(conv_net, image_size=8)


def test_torch_repeated_calls_tuples_and_layouts_by_hand(pictures) -> None:
    class Shared(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = torch.nn.Linear(3, 6)
            self.attention = torch.nn.MultiheadAttention(6, 2)

        def forward(self, x):
            x = self.embed(x.flatten(1, 2)).transpose(0, 1)
            for _ in range(3):
                x = x + self.attention(x, x, x)[0]
            return {"first": x, "second": None}

    model = capture(
        Shared(),
        image_size=4,
        channels_first=False,
        include=["attention", "output"],
        layouts={"attention": "TBC", "output": "TBC"},
        grid=(4, 4),
    )
    assert [s.name for s in model.steps] == ["attention", "attention#1", "attention#2", "output"]
    assert {s.layout for s in model.steps} == {Tokens((), (4, 4))}
    images = model.preprocess(pictures)
    states = model(images)
    total = np.asarray(states["output"])
    embedded = np.asarray(capture(model.module, image_size=4, channels_first=False, include="embed")(images)["embed"])
    steps = sum(np.asarray(states[f"attention{n}"]) for n in ("", "#1", "#2"))
    np.testing.assert_allclose(total, embedded + steps, atol=1e-6)
    only = capture(model.module, image_size=4, channels_first=False, include="attention#1", layouts={"**": "TBC"})
    np.testing.assert_array_equal(only(images)["attention#1"], states["attention#1"])


@pytest.mark.slow
def test_weights_hash_follows_every_weight_buffer_and_setting(conv_net) -> None:
    model = capture(conv_net, image_size=8)
    seen = {model.weights_hash}
    assert capture(conv_net, image_size=8).weights_hash in seen
    with torch.no_grad():
        for tensor in (*conv_net.parameters(), *conv_net.buffers()):
            tensor.reshape(-1)[-1] += 1
            seen.add(model.weights_hash)
    assert len(seen) == 1 + len([*conv_net.parameters(), *conv_net.buffers()])
    conv_net.dropout.p = 0.25
    assert model.weights_hash not in seen


def test_channels_last_maps_of_torch_are_refused_until_named(pictures) -> None:
    class Last(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(3, 20, 2, stride=2)
            self.norm = torch.nn.LayerNorm(20)

        def forward(self, x):
            return self.norm(self.conv(x).permute(0, 2, 3, 1))

    with pytest.raises(ValueError, match=r"'norm' has the shape \[3, 4, 4, 20\], which looks like BHWC"):
        capture(Last(), image_size=8, include="norm")
    model = capture(Last(), image_size=8, include=["conv", "norm"], layouts={"norm": "BHWC"})
    states = model(model.preprocess(pictures))
    assert [state.shape for state in states.values()] == [(4, 4, 4, 20)] * 2
    np.testing.assert_allclose(np.asarray(states["norm"]).mean(-1), 0, atol=1e-5)


def test_transformers_vit_captured_equals_its_native_port(tmp_path, pictures) -> None:
    config = transformers.ViTConfig(
        hidden_size=24, num_hidden_layers=3, num_attention_heads=3, intermediate_size=40, image_size=16, patch_size=4
    )
    torch.manual_seed(0)
    original = transformers.ViTModel(config)
    original.save_pretrained(tmp_path)
    native = load_model(tmp_path)
    captured = capture(original, preprocess=native.preprocessor, prefix=("cls",))
    assert [s.kind for s in captured.steps] == ["stem", "block", "block", "block", "norm"]
    assert [s.layout for s in captured.steps] == [s.layout for s in native.steps]
    images = native.preprocess(pictures)
    ours, theirs = captured(images), native(images)
    for a, b in zip(ours.values(), theirs.values(), strict=True):
        assert np.abs(a - b).max() <= 2e-5 * max(1, np.abs(b).max())


def test_method(conv_net, pictures) -> None:
    conv_net.forward_features = lambda x: conv_net.layer1(conv_net.stem(x))
    model = capture(conv_net, image_size=8, method="forward_features", include=["stem", "output"])
    states = model(model.preprocess(pictures))
    assert {name: state.shape for name, state in states.items()} == {"stem": (4, 4, 4, 5), "output": (4, 4, 4, 5)}
